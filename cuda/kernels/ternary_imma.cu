// ternaryImma: a ternary product of up to 40 tokens on the int8 tensor cores (cuda/ternary_mma.cuh).
// data:  reads  the packed tiles (HBM, once, streaming), prepared activations (L2, once a block, through shared memory)
//        writes T x rows results; where blocks share rows, their sums go through atomic integer adds in L2
// map:   8 warps a block, a warp a row tile and all tokens; the columns are split until every multiprocessor has two blocks
//        weights of 4 column tiles are in registers before the wait for earlier kernels
// bound: bytes = rows * K / 4; HBM-bound: 31 instructions for 16 bytes a lane up to 16 tokens; measured: not taken
#include "../ternary_mma.cuh"

namespace rotor {
namespace cuda {
namespace {

template <int GROUPS>
using Shape = MmaShape<1, GROUPS, 1, (GROUPS <= 2 ? 4 : 2), 4, 4, 2>;

template <int GROUPS>
__global__ void __launch_bounds__(kMmaWarps* kWarp, GROUPS <= 3 ? 2 : 1) immaProduct(Product p, Prepared a) {
  mmaProduct<Shape<GROUPS>>(p, a);
}

template <int GROUPS>
void launchGroups(const Product& p, Launch& launch) {
  launchMma<Shape<GROUPS>>(p, launch, 2 * launch.chip.multiprocessors, 2, immaProduct<GROUPS>);
}

}  // namespace

void ternaryImma(const Product& p, Launch& launch) {
  switch (ceilDiv(p.tokens, kGroup)) {
    case 1: return launchGroups<1>(p, launch);
    case 2: return launchGroups<2>(p, launch);
    case 3: return launchGroups<3>(p, launch);
    case 4: return launchGroups<4>(p, launch);
    default: return launchGroups<5>(p, launch);
  }
}

}  // namespace cuda
}  // namespace rotor
