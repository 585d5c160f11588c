#include "probe.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>

#include "../buffers.h"
#include "pool.h"

namespace rotor {
namespace {

constexpr int64_t kLine = 8;     // words of a cache line
constexpr int64_t kAhead = 64;   // words fetched ahead: 512 bytes
constexpr int64_t kStreams = 4;  // runs side by side

// Reads words begin..end as `Streams` runs side by side, a line of each in turn. The eight chains are sums that only keep the
// loads alive.
template <int64_t Streams, int64_t Ahead>
uint64_t readAll(const uint64_t* data, int64_t begin, int64_t end) {
  const int64_t run = (end - begin) / Streams / kLine * kLine;
  uint64_t s[kLine] = {};
  for (int64_t i = 0; i < run; i += kLine)
    for (int64_t r = 0; r < Streams; ++r) {
      const uint64_t* p = data + begin + r * run + i;
      if (Ahead > 0) __builtin_prefetch(p + Ahead);
      for (int64_t j = 0; j < kLine; ++j) s[j] += p[j];
    }
  for (int64_t i = begin + Streams * run; i < end; ++i) s[0] += data[i];
  uint64_t sum = 0;
  for (uint64_t v : s) sum += v;
  return sum;
}

}  // namespace

std::vector<double> probeReadBandwidth(size_t bytes, int repeats) {
  Buffer buffer(bytes);
  const int64_t words = int64_t(bytes / 8);
  uint64_t* data = reinterpret_cast<uint64_t*>(buffer.data());
  std::atomic<uint64_t> sink{0};
  const auto threads = pool();
  threads->run([&](const Worker& w) {
    int64_t b, e;
    w.range(words, 512, &b, &e);
    for (int64_t i = b; i < e; ++i) data[i] = uint64_t(i);  // touch every page first
  });
  uint64_t (*const ways[])(const uint64_t*, int64_t, int64_t) = {readAll<1, 0>, readAll<1, kAhead>, readAll<kStreams, 0>, readAll<kStreams, kAhead>};
  std::vector<double> rates;
  for (int r = 0; r < repeats; ++r) {
    double best = 0;
    for (const auto way : ways) {
      const auto start = std::chrono::steady_clock::now();
      threads->run([&](const Worker& w) {
        int64_t b, e;
        w.range(words, 512, &b, &e);
        sink += way(data, b, e);
      });
      best = std::max(best, double(bytes) / std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    }
    rates.push_back(best);
  }
  return rates;
}

}  // namespace rotor
