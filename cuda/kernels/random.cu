// random_uniform, random_normal, randint: element i comes from word i mod 4 of Philox block offset + i / 4, as on the CPU.
// data:  writes y once
// map:   a thread four elements, 256 to a block
// bound: bytes of y, or the double arithmetic of normals; measured: not taken
#include "../elementwise.cuh"
#include "../../cpp/math/random.h"

namespace rotor {
namespace cuda {
namespace {

template <class F>
__global__ void __launch_bounds__(256) randomKernel(typename F::Raw* y, int64_t count, bool packed, uint64_t seed, uint64_t offset, F f) {
  afterOthers();
  for (int64_t block = firstItem(); block * 4 < count; block += itemStep()) {
    Pack<typename F::Raw, 4> values;
    randomBlock(seed, offset, uint64_t(block), f, values.v);
    if (packed && block * 4 + 4 <= count) {
      *reinterpret_cast<Pack<typename F::Raw, 4>*>(y + block * 4) = values;
      continue;
    }
    for (int64_t j = 0; j < 4; ++j)
      if (block * 4 + j < count) y[block * 4 + j] = values.v[j];
  }
}

template <class F>
void fromBlocks(const Args& a, Launch& launch, F f) {
  using T = typename F::Raw;
  launch(mapGrid(ceilDiv(a.out[0].size, 4)), randomKernel<F>, a.out[0].as<T>(), a.out[0].size, aligned(a.out[0].data, 16), uint64_t(a.attrs[0]), uint64_t(a.attrs[1]), f);
}

}  // namespace

void random_uniform(const Args& a, Launch& launch) { fromBlocks(a, launch, Uniform{a.attrs[2], a.attrs[3] - a.attrs[2]}); }
void random_normal(const Args& a, Launch& launch) { fromBlocks(a, launch, Normal{a.attrs[2], a.attrs[3]}); }
void randint(const Args& a, Launch& launch) {
  const int64_t low = int64_t(a.attrs[2]);
  fromBlocks(a, launch, WholeNumbers{low, uint64_t(int64_t(a.attrs[3]) - low)});
}

}  // namespace cuda
}  // namespace rotor
