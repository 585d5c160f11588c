// AVX-512 F, BW, DQ, VL and VNNI.
#define ROTOR_TARGET avx512
#define ROTOR_TARGET_OBJECT kAvx512Target
#define ROTOR_AVX2
#define ROTOR_AVX512
#include "target.inl"
