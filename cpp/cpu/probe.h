// Read bandwidth of the machine, measured: the denominator of every "percent of the floor".
#pragma once
#include <cstddef>
#include <vector>

namespace rotor {

// Bytes per second at which all pool threads read a buffer of `bytes` bytes, `repeats` times. Which way of reading is fastest
// differs from CPU to CPU, so each is tried and the best counts: one stream or four, with and without fetching ahead.
std::vector<double> probeReadBandwidth(size_t bytes, int repeats);

}  // namespace rotor
