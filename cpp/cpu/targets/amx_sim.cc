// The sources of amx, emulated; in the addon of the tests only.
#define ROTOR_TARGET amx_sim
#define ROTOR_TARGET_NAME "amx-sim"
#define ROTOR_TARGET_OBJECT kAmxSimTarget
#define ROTOR_AVX2
#define ROTOR_AVX512
#define ROTOR_AMX
#define ROTOR_SIM
#include "target.inl"
