// The sources of avx512, emulated; in the addon of the tests only.
#define ROTOR_TARGET avx512_sim
#define ROTOR_TARGET_NAME "avx512-sim"
#define ROTOR_TARGET_OBJECT kAvx512SimTarget
#define ROTOR_AVX2
#define ROTOR_AVX512
#define ROTOR_SIM
#include "target.inl"
