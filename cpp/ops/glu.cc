// Shape checks of the gated units.
#include "plans.h"

namespace rotor {
namespace {

Plan gatedPlan(const char* op, const Args& a, double opsPerElement) {
  needDType(op, "gate", a.in[0], {DType::f32});
  needDType(op, "up", a.in[1], {DType::f32});
  needDType(op, "the output", a.out[0], {DType::f32});
  if (!sameShape(a.in[0], a.in[1])) failShape(op, "gate and up of equal shapes", shapeText(a.in[0]) + " and " + shapeText(a.in[1]));
  if (!sameShape(a.in[0], a.out[0])) failShape(op, "an output of shape " + shapeText(a.in[0]), shapeText(a.out[0]));
  return {opsPerElement * double(a.in[0].size)};
}

}  // namespace

Plan plan_relu2_glu(const Args& a) { return gatedPlan("relu2_glu", a, 1); }
Plan plan_silu_glu(const Args& a) { return gatedPlan("silu_glu", a, 4); }

}  // namespace rotor
