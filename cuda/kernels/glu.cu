// relu2_glu, silu_glu: y = act(gate) up, the gated units of feed-forward networks.
// data:  reads gate and up once; writes y once
// map:   a thread four elements, 256 to a block
// bound: bytes = 12 per element; measured: not taken
#include "../elementwise.cuh"
#include "../../cpp/math/lanes.h"

namespace rotor {
namespace cuda {
namespace {

template <class F>
struct OfLane {
  __device__ __forceinline__ float operator()(float gate, float up) const { return F{}(Lane{gate}, Lane{up}).v; }
};

}  // namespace

void relu2_glu(const Args& a, Launch& launch) { map2<float, float>(a, launch, OfLane<Relu2Glu>{}); }
void silu_glu(const Args& a, Launch& launch) { map2<float, float>(a, launch, OfLane<SiluGlu>{}); }

}  // namespace cuda
}  // namespace rotor
