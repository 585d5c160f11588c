// ternaryGemm: a ternary product of many tokens with int8 mma.sync (cuda/ternary_mma.cuh), on every chip.
// data:  reads  the packed tiles (L2 but for the first block of tokens), prepared activations (L2, through shared memory)
//        writes T x rows results
// map:   blocks of 128 rows x 128 or 64 tokens, 8 warps of 32 rows x half of the tokens, 3 buffers of 256 columns
//        the columns are split where the blocks are fewer than the multiprocessors
// bound: operations = 2 T rows K; bound by the tensor cores; measured: not taken
#include "../ternary_mma.cuh"

namespace rotor {
namespace cuda {
namespace {

template <int GROUPS>
using Shape = MmaShape<2, GROUPS, 2, 1, 2, 1, 3>;

template <int GROUPS>
__global__ void __launch_bounds__(kMmaWarps* kWarp, 1) gemmProduct(Product p, Prepared a) {
  mmaProduct<Shape<GROUPS>>(p, a);
}

template <int GROUPS>
void launchGroups(const Product& p, Launch& launch) {
  launchMma<Shape<GROUPS>>(p, launch, launch.chip.multiprocessors, 4, gemmProduct<GROUPS>);
}

}  // namespace

void ternaryGemm(const Product& p, Launch& launch) {
  const int64_t blocks = ceilDiv(rowTiles(p.rows), Shape<8>::BLOCK_TILES) * ceilDiv(p.tokens, Shape<8>::BLOCK_TOKENS);
  if (p.tokens <= Shape<4>::BLOCK_TOKENS || blocks < launch.chip.multiprocessors) return launchGroups<4>(p, launch);
  launchGroups<8>(p, launch);
}

}  // namespace cuda
}  // namespace rotor
