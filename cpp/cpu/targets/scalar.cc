// The native oracle: plain C++, always compiled.
#define ROTOR_TARGET scalar
#define ROTOR_TARGET_OBJECT kScalarTarget
#include "target.inl"
