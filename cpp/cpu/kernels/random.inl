// Random tensors: element i comes from word i mod 4 of Philox block offset + i / 4, whatever the threads.
#include "elementwise.inl"
#include "philox.inl"

namespace rotor {
namespace ROTOR_TARGET {

// f(words, out, n): fills the n <= 4 elements of one block.
template <class T, class F>
static void fromBlocks(const Args& a, const Worker& w, F f) {
  const uint64_t seed = uint64_t(a.attrs[0]), offset = uint64_t(a.attrs[1]);
  int64_t b, e;
  w.range(a.out[0].size, 1024, &b, &e);
  for (int64_t i = b; i < e; i += 4) {
    const uint64_t block = offset + uint64_t(i) / 4;
    const uint32_t counter[4] = {uint32_t(block), uint32_t(block >> 32), 0, 0};
    uint32_t words[4];
    philox(counter, uint32_t(seed), uint32_t(seed >> 32), words);
    T values[4];
    f(words, values);
    for (int64_t j = 0; j < 4 && i + j < e; ++j) a.out[0].as<T>()[i + j] = values[j];
  }
}

static void random_uniform(const Args& a, const Worker& w) {
  const double low = a.attrs[2], span = a.attrs[3] - a.attrs[2];
  fromBlocks<float>(a, w, [=](const uint32_t* words, float* y) {
    for (int j = 0; j < 4; ++j) y[j] = canon(float(low + span * (double(words[j] >> 8) * 0x1p-24)));
  });
}

// Box and Muller: two words give two values.
static void random_normal(const Args& a, const Worker& w) {
  const double mean = a.attrs[2], deviation = a.attrs[3];
  fromBlocks<float>(a, w, [=](const uint32_t* words, float* y) {
    for (int j = 0; j < 4; j += 2) {
      const double radius = std::sqrt(-2.0 * f64_log((double(words[j]) + 1.0) * 0x1p-32));
      const int64_t turn = words[j + 1], q = (turn + (int64_t(1) << 29)) >> 30;
      const double rest = double(turn - (q << 30)) * 0x1p-30 * 1.5707963267948966;
      y[j] = canon(float(mean + deviation * (radius * sinOf(int(q) + 1, rest))));
      y[j + 1] = canon(float(mean + deviation * (radius * sinOf(int(q), rest))));
    }
  });
}

static void randint(const Args& a, const Worker& w) {
  const int64_t low = int64_t(a.attrs[2]);
  const uint64_t span = uint64_t(int64_t(a.attrs[3]) - low);
  fromBlocks<int32_t>(a, w, [=](const uint32_t* words, int32_t* y) {
    for (int j = 0; j < 4; ++j) y[j] = int32_t(low + int64_t(uint64_t(words[j]) * span >> 32));
  });
}

}  // namespace ROTOR_TARGET
}  // namespace rotor
