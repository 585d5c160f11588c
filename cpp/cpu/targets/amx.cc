// AVX-512 as in avx512.cc, and int8 tiles.
#define ROTOR_TARGET amx
#define ROTOR_TARGET_OBJECT kAmxTarget
#define ROTOR_AVX2
#define ROTOR_AVX512
#define ROTOR_AMX
#include "target.inl"
