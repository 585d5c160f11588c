#include "probe.h"

#include <atomic>
#include <chrono>
#include <cstdint>

#include "../buffers.h"
#include "pool.h"

namespace rotor {

std::vector<double> probeReadBandwidth(size_t bytes, int repeats) {
  Buffer buffer(bytes);
  const int64_t words = int64_t(bytes / 8);
  uint64_t* data = reinterpret_cast<uint64_t*>(buffer.data());
  std::atomic<uint64_t> sink{0};
  std::vector<double> rates;
  const auto threads = pool();
  threads->run([&](const Worker& w) {
    int64_t b, e;
    w.range(words, 512, &b, &e);
    for (int64_t i = b; i < e; ++i) data[i] = uint64_t(i);  // touch every page first
  });
  for (int r = 0; r < repeats; ++r) {
    const auto start = std::chrono::steady_clock::now();
    threads->run([&](const Worker& w) {
      int64_t b, e;
      w.range(words, 512, &b, &e);
      uint64_t s[8] = {};  // eight chains: the loads, not the additions, are the limit
      int64_t i = b;
      for (; i + 8 <= e; i += 8)
        for (int j = 0; j < 8; ++j) s[j] += data[i + j];
      for (; i < e; ++i) s[0] += data[i];
      sink += s[0] + s[1] + s[2] + s[3] + s[4] + s[5] + s[6] + s[7];
    });
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    rates.push_back(double(bytes) / seconds);
  }
  return rates;
}

}  // namespace rotor
