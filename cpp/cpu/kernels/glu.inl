// Gated units of feed-forward networks.
#include "../../math/lanes.h"

namespace rotor {
namespace ROTOR_TARGET {

// y = f(gate, up), sixteen elements at a time; no element depends on another.
template <class F>
static void gated(const Args& a, const Worker& w, F f) {
  const float *gate = a.in[0].as<float>(), *up = a.in[1].as<float>();
  float* y = a.out[0].as<float>();
  int64_t i, e;
  w.range(a.out[0].size, 256, &i, &e);
  for (; i + kLanes <= e; i += kLanes) f(f32x16::load(gate + i), f32x16::load(up + i)).store(y + i);
  if (i < e) store_n(y + i, e - i, f(load_n(gate + i, e - i, 0.0f), load_n(up + i, e - i, 0.0f)));
}

static void relu2_glu(const Args& a, const Worker& w) { gated(a, w, Relu2Glu{}); }
static void silu_glu(const Args& a, const Worker& w) { gated(a, w, SiluGlu{}); }

}  // namespace ROTOR_TARGET
}  // namespace rotor
