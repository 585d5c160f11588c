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

// The matrices of a layer of the 2B shape: query, key and value; output; gate or up; down.
constexpr int64_t kShapes[][2] = {{3840, 2560}, {2560, 2560}, {6912, 2560}, {2560, 6912}};

std::vector<int8_t> randomWeights(int64_t count) {
  std::vector<int8_t> w(static_cast<size_t>(count));
  for (auto& e : w) e = int8_t(random32() % 3) - 1;
  return w;
}

// From `least` to 127, with the extreme in between.
std::vector<int8_t> randomActivations(int64_t count, int8_t least) {
  std::vector<int8_t> v(static_cast<size_t>(count));
  for (size_t k = 0; k < v.size(); ++k) v[k] = k % 97 == 0 ? least : int8_t(std::max<int>(least, int(random32() % 256) - 128));
  return v;
}

// Whether the product is that of the scalar definition; says where it is not.
bool exact(const Format& f, int64_t rows, int64_t cols) {
  const std::vector<int8_t> w = randomWeights(rows * cols), v = randomActivations(cols, f.least);
  const Bytes packed = f.pack(w, rows, cols);
  std::vector<int32_t> y(static_cast<size_t>(rows));
  f.product(packed.data(), Activations(v), y.data(), rows, cols);
  for (int64_t r = 0; r < rows; ++r) {
    int32_t sum = 0;
    for (int64_t k = 0; k < cols; ++k) sum += w[size_t(r * cols + k)] * v[size_t(k)];
    if (sum == y[size_t(r)]) continue;
    std::fprintf(stderr, "%s: expected %d in row %lld of %lld columns, received %d\n", f.name, sum, (long long)r, (long long)cols, y[size_t(r)]);
    return false;
  }
  return true;
}

// Nanoseconds of a multiply-accumulate with weights in cache: a matrix of 640 x 2560 for each thread, 400 KiB at two bits a weight.
double inCache(const Format& f, const Bytes& one, const Activations& x, int64_t rows, int64_t cols, int threads, int times) {
  const double seconds = secondsOf([&] {
    together(threads, [&](int) {
      const Bytes mine(one);
      std::vector<int32_t> y(static_cast<size_t>(rows));
      for (int n = 0; n < times; ++n) f.product(mine.data(), x, y.data(), rows, cols);
    });
  });
  return seconds / (double(times) * threads * double(rows * cols)) * 1e9;
}

// The same with layers that come from memory, threads taking them in turn.
double fromMemory(const Format& f, const Bytes& all, size_t layer, const Activations& narrow, const Activations& wide, int threads) {
  const size_t copies = all.size() / layer;
  double macs = 0;
  for (const auto& [r, k] : kShapes) macs += double(r * k);
  const double seconds = secondsOf([&] {
    together(threads, [&](int thread) {
      std::vector<int32_t> y(8192);
      for (size_t c = size_t(thread); c < copies; c += size_t(threads)) {
        const uint8_t* p = all.data() + c * layer;
        for (const auto& [r, k] : kShapes) {
          f.product(p, k == 2560 ? narrow : wide, y.data(), r, k);
          p += f.bytes(r, k);
        }
      }
    });
  });
  return seconds / (double(copies) * macs) * 1e9;
}

void printRates(const char* name, const std::vector<std::vector<double>>& nanoseconds) {
  std::printf(", \"%s\": [", name);
  for (size_t t = 0; t < nanoseconds.size(); ++t) std::printf("%s%.4g", t > 0 ? ", " : "", 1 / medianOf(nanoseconds[t]));
  std::printf("]");
}

}  // namespace

int main(int argc, char** argv) {
  const int most = argc > 1 ? std::atoi(argv[1]) : 2;
  const size_t memoryBytes = size_t(argc > 2 ? std::atoi(argv[2]) : 512) << 20;
  const int64_t rows = 640, cols = 2560;
  const double maddubs = RATE(MADDUBS), shuffle = RATE(SHUFFLE);
  struct Study {
    Bytes one, layer;
    std::vector<std::vector<double>> cache, memory;
  };
  std::vector<Study> studies;
  for (const Format& f : formats()) {
    Study study{f.pack(randomWeights(rows * cols), rows, cols), {}, {}, {}};
    for (const auto& [r, k] : kShapes) {
      if (!exact(f, 128, k)) return 1;
      const Bytes p = f.pack(randomWeights(r * k), r, k);
      study.layer.insert(study.layer.end(), p.begin(), p.end());
    }
    study.cache.resize(size_t(most));
    study.memory.resize(size_t(most));
    studies.push_back(std::move(study));
  }
  const Activations narrow(randomActivations(2560, -127)), wide(randomActivations(6912, -127));
  std::vector<double> bandwidth(static_cast<size_t>(most));  // the highest seen
  // The formats take turns, so that a slow moment meets all of them. What takes long runs once.
  for (int round = 0; round < 7; ++round)
    for (size_t i = 0; i < studies.size(); ++i) {
      const Format& f = formats()[i];
      Study& s = studies[i];
      const bool slow = round > 0 && s.memory[0][0] > 0.3;
      if (slow) continue;
      Bytes all((memoryBytes + s.layer.size() - 1) / s.layer.size() * s.layer.size());
      for (size_t at = 0; at < all.size(); at += s.layer.size()) std::memcpy(all.data() + at, s.layer.data(), s.layer.size());
      for (int t = 1; t <= most; ++t) {
        bandwidth[size_t(t - 1)] = std::max(bandwidth[size_t(t - 1)], readBandwidth(t));
        s.cache[size_t(t - 1)].push_back(inCache(f, s.one, narrow, rows, cols, t, i == 0 ? 2 : 100));
        s.memory[size_t(t - 1)].push_back(fromMemory(f, all, s.layer.size(), narrow, wide, t));
      }
    }
  std::printf("{\n  \"maddubs_per_second\": %.4g,\n  \"pshufb_per_second\": %.4g,\n  \"read_bandwidth\": [", maddubs, shuffle);
  for (size_t t = 0; t < bandwidth.size(); ++t) std::printf("%s%.4g", t > 0 ? ", " : "", bandwidth[t]);
  std::printf("],\n  \"formats\": [");
  for (size_t i = 0; i < studies.size(); ++i) {
    const Format& f = formats()[i];
    const double bits = 8.0 * double(studies[i].one.size()) / double(rows * cols);
    std::printf("%s\n    {\"name\": \"%s\", \"bits\": %.4g", i > 0 ? "," : "", f.name, bits);
    printRates("cache", studies[i].cache);
    printRates("memory", studies[i].memory);
    std::printf(", \"multiplies_per_mac\": %.4g, \"shuffles_per_mac\": %.4g}", f.multiplies, f.shuffles);
  }
  std::printf("\n  ]\n}\n");
  return 0;
}
