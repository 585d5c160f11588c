// The error of a run whose kernel met bad data.
#pragma once
#include <string>

#include "backend.h"

namespace rotor {

// A limit below 0 says that a number was too large for a 16-bit float, see Fault.
inline OpError faultError(const std::string& op, int64_t value, int64_t limit) {
  if (limit < 0) return OpError("NATIVE", "[" + op + "] expected keys and values up to 65504, the largest f16, received a larger one. Use a cache of f32 or i8.");
  return OpError("SHAPE", "[" + op + "] expected an index from 0 to " + std::to_string(limit - 1) + ", received " + std::to_string(value) +
                              ". Check the ids, positions or indices passed in.");
}

}  // namespace rotor
