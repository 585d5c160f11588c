// What a weight format costs: matrix times vector with ternary weights and int8 activations, in six formats, each by the best
// AVX2 code known for it here. Every kernel is compared with a scalar product before it is timed. Prints JSON.
//
//   g++ -std=c++17 -O3 -mavx2 -pthread formats.cc -o formats && ./formats
#include <immintrin.h>

#include <pthread.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <thread>
#include <vector>

#include "formats.h"

namespace {

using Clock = std::chrono::steady_clock;

double secondsOf(const std::function<void()>& body) {
  const auto start = Clock::now();
  body();
  return std::chrono::duration<double>(Clock::now() - start).count();
}

double medianOf(std::vector<double> v) {
  std::sort(v.begin(), v.end());
  return v[v.size() / 2];
}

uint64_t state = 88172645463325252ull;
uint32_t random32() {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return uint32_t(state >> 32);
}

// Runs `body(thread)` on `threads` threads, each on a CPU of its own, and waits for all.
void together(int threads, const std::function<void(int)>& body) {
  const auto pinned = [&](int t) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(t, &set);
    pthread_setaffinity_np(pthread_self(), sizeof set, &set);
    body(t);
  };
  std::vector<std::thread> others;
  for (int t = 1; t < threads; ++t) others.emplace_back(pinned, t);
  pinned(0);
  for (auto& t : others) t.join();
}

// Seconds of `body`: the median of five runs after one unmeasured, or of one when that takes long.
double timed(const std::function<void()>& body) {
  const double first = secondsOf(body);
  if (first > 1) return first;
  std::vector<double> times;
  for (int r = 0; r < 5; ++r) times.push_back(secondsOf(body));
  return medianOf(times);
}

// Bytes per second at which `threads` threads read 512 MiB, one stream with prefetch.
double readBandwidth(int threads) {
  static uint64_t sink[64 * 8];
  const size_t bytes = size_t(512) << 20;
  static Bytes buffer(bytes, 1);
  std::vector<double> times;
  for (int r = 0; r < 5; ++r)
    times.push_back(secondsOf([&] {
      together(threads, [&](int t) {
        const uint8_t* p = buffer.data() + bytes / threads * t;
        __m256i a = _mm256_setzero_si256(), b = a;
        for (size_t i = 0; i < bytes / threads; i += 64) {
          _mm_prefetch((const char*)p + i + 512, _MM_HINT_T0);
          a = _mm256_or_si256(a, load(p + i));
          b = _mm256_or_si256(b, load(p + i + 32));
        }
        sink[64 * t] += uint64_t(_mm256_extract_epi64(_mm256_or_si256(a, b), 0));
      });
    }));
  return double(bytes) / medianOf(times);
}

// Instructions per second of one kind on one core: twelve independent ones in a loop.
#define RATE(text)                                                                                                         \
  [] {                                                                                                                     \
    const int64_t n = 8000000;                                                                                             \
    std::vector<double> times;                                                                                             \
    for (int r = 0; r < 5; ++r)                                                                                            \
      times.push_back(secondsOf([&] {                                                                                      \
        for (int64_t i = 0; i < n; ++i)                                                                                    \
          __asm__ volatile(text(0) text(1) text(2) text(3) text(4) text(5) text(6) text(7) text(8) text(9) text(10) text(11) :::"xmm0", "xmm1", "xmm2", "xmm3", "xmm4", \
                           "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11");                                       \
      }));                                                                                                                 \
    return double(n) * 12 / medianOf(times);                                                                               \
  }()
#define MADDUBS(i) "vpmaddubsw %%ymm15,%%ymm14,%%ymm" #i "\n"
#define SHUFFLE(i) "vpshufb %%ymm15,%%ymm14,%%ymm" #i "\n"
#define ADDB(i) "vpaddb %%ymm15,%%ymm14,%%ymm" #i "\n"

}  // namespace

int main(int argc, char** argv) {
  const int most = argc > 1 ? std::atoi(argv[1]) : 2;
  const size_t memoryBytes = size_t(argc > 2 ? std::atoi(argv[2]) : 512) << 20;
  // The matrices of the 2B shape: query/key/value, output, gate/up (one of the two), down.
  const int64_t shapes[][2] = {{3840, 2560}, {2560, 2560}, {6912, 2560}, {2560, 6912}};
  const double maddubs = RATE(MADDUBS), shuffle = RATE(SHUFFLE), addb = RATE(ADDB);
  std::printf("{\n  \"maddubs_per_second\": %.4g,\n  \"pshufb_per_second\": %.4g,\n  \"paddb_per_second\": %.4g,\n  \"formats\": [", maddubs, shuffle, addb);
  std::vector<double> bandwidth(size_t(most) + 1);  // by threads, the highest seen
  bool first = true;
  for (const Format& f : formats()) {
    // Exactness, on every shape, with activations down to the extreme.
    for (const auto& [rows, cols] : shapes) {
      const int64_t n = std::min<int64_t>(rows, 128);
      std::vector<int8_t> w(size_t(n * cols)), v(size_t(cols), 0);
      for (auto& e : w) e = int8_t(random32() % 3) - 1;
      for (int64_t k = 0; k < cols; ++k) v[size_t(k)] = k % 97 == 0 ? f.least : int8_t(std::max<int>(f.least, int(random32() % 256) - 128));
      const Bytes packed = f.pack(w, n, cols);
      const Activations x(v);
      std::vector<int32_t> y(size_t(n), 0);
      f.product(packed.data(), x, y.data(), n, cols);
      for (int64_t r = 0; r < n; ++r) {
        int32_t sum = 0;
        for (int64_t k = 0; k < cols; ++k) sum += w[size_t(r * cols + k)] * v[size_t(k)];
        if (sum == y[size_t(r)]) continue;
        std::fprintf(stderr, "%s: expected %d in row %lld of %lld columns, received %d\n", f.name, sum, (long long)r, (long long)cols, y[size_t(r)]);
        return 1;
      }
    }
    std::vector<int8_t> v(2560);
    for (auto& e : v) e = int8_t(random32() % 255) - 127;
    const Activations x(v), wide([&] {
      std::vector<int8_t> u(6912);
      for (auto& e : u) e = int8_t(random32() % 255) - 127;
      return u;
    }());
    // In cache: one matrix of 640 x 2560 for each thread, 400 KiB at two bits a weight.
    const int64_t rows = 640, cols = 2560;
    std::vector<int8_t> w(size_t(rows * cols));
    for (auto& e : w) e = int8_t(random32() % 3) - 1;
    const Bytes one = f.pack(w, rows, cols);
    std::printf("%s\n    {\"name\": \"%s\", \"bits\": %.4g, \"cache\": [", first ? "" : ",", f.name, 8.0 * double(one.size()) / double(rows * cols));
    first = false;
    for (int t = 1; t <= most; ++t) {
      // So often that starting threads does not count.
      const double seconds = timed([&] {
        together(t, [&](int) {
          const Bytes mine(one);
          std::vector<int32_t> y(static_cast<size_t>(rows));
          for (int i = 0; i < 200; ++i) f.product(mine.data(), x, y.data(), rows, cols);
        });
      });
      std::printf("%s%.4g", t > 1 ? ", " : "", 200.0 * t * double(rows * cols) / seconds / 1e9);
    }
    std::printf("], \"memory\": [");
    // From memory: as many copies of a block of each shape as fill the size given.
    Bytes all;
    for (const auto& [r, c] : shapes) {
      std::vector<int8_t> big(size_t(r * c));
      for (auto& e : big) e = int8_t(random32() % 3) - 1;
      const Bytes p = f.pack(big, r, c);
      all.insert(all.end(), p.begin(), p.end());
    }
    const size_t layer = all.size(), copies = (memoryBytes + layer - 1) / layer;
    all.resize(layer * copies + 4096);
    for (size_t c = 1; c < copies; ++c) std::memcpy(all.data() + c * layer, all.data(), layer);
    double macs = 0;
    for (const auto& [r, c] : shapes) macs += double(r * c);
    for (int t = 1; t <= most; ++t) {
      bandwidth[size_t(t)] = std::max(bandwidth[size_t(t)], readBandwidth(t));
      const double seconds = timed([&] {
        together(t, [&](int thread) {
          std::vector<int32_t> y(8192);
          for (size_t c = size_t(thread); c < copies; c += size_t(t)) {
            const uint8_t* p = all.data() + c * layer;
            for (const auto& [r, c2] : shapes) {
              f.product(p, c2 == cols ? x : wide, y.data(), r, c2);
              p += f.bytes(r, c2);
            }
          }
        });
      });
      std::printf("%s%.4g", t > 1 ? ", " : "", double(copies) * macs / seconds / 1e9);
    }
    std::printf("], \"multiplies_per_mac\": %.4g, \"shuffles_per_mac\": %.4g}", f.multiplies, f.shuffles);
    std::fflush(stdout);
  }
  std::printf("\n  ],\n  \"read_bandwidth\": [");
  for (int t = 1; t <= most; ++t) std::printf("%s%.4g", t > 1 ? ", " : "", bandwidth[size_t(t)]);
  std::printf("]\n}\n");
  return 0;
}
