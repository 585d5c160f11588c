// Random tensors: element i comes from word i mod 4 of Philox block offset + i / 4, whatever the threads.
#include "../../math/random.h"

namespace rotor {
namespace ROTOR_TARGET {

template <class F>
static void fromBlocks(const Args& a, const Worker& w, F f) {
  using T = typename F::Raw;
  const uint64_t seed = uint64_t(a.attrs[0]), offset = uint64_t(a.attrs[1]);
  int64_t b, e;
  w.range(a.out[0].size, 1024, &b, &e);
  for (int64_t i = b; i < e; i += 4) {
    T values[4];
    randomBlock(seed, offset, uint64_t(i) / 4, f, values);
    for (int64_t j = 0; j < 4 && i + j < e; ++j) a.out[0].as<T>()[i + j] = values[j];
  }
}

static void random_uniform(const Args& a, const Worker& w) { fromBlocks(a, w, Uniform{a.attrs[2], a.attrs[3] - a.attrs[2]}); }
static void random_normal(const Args& a, const Worker& w) { fromBlocks(a, w, Normal{a.attrs[2], a.attrs[3]}); }
static void randint(const Args& a, const Worker& w) {
  const int64_t low = int64_t(a.attrs[2]);
  fromBlocks(a, w, WholeNumbers{low, uint64_t(int64_t(a.attrs[3]) - low)});
}

}  // namespace ROTOR_TARGET
}  // namespace rotor
