// A check at load that the chosen ISA variant computes what the scalar one does.
#pragma once
#include "backend.h"

namespace rotor {

// Throws OpError("DEVICE") naming both variants when any bit differs. Takes about a millisecond.
void selfTest(const Target& target);

}  // namespace rotor
