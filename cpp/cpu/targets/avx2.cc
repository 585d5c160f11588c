// AVX2 + FMA.
#define ROTOR_TARGET avx2
#define ROTOR_TARGET_OBJECT kAvx2Target
#define ROTOR_AVX2
#include "target.inl"
