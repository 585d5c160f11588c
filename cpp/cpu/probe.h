// Read bandwidth of the machine, measured: the denominator of every "percent of the floor".
#pragma once
#include <cstddef>
#include <vector>

namespace rotor {

// Bytes per second of `repeats` passes in which all pool threads sum a buffer of `bytes` bytes.
std::vector<double> probeReadBandwidth(size_t bytes, int repeats);

}  // namespace rotor
