// Shape checks of dense products with stored weights, and of the quantiser in front of ternary ones.
#include "plans.h"

namespace rotor {

Plan plan_quantize_act(const Args& a) {
  const char* op = "quantize_act";
  needDType(op, "the input", a.in[0], {DType::f32});
  needShape(op, "the input", a.in[0], {-1, -1});
  needDType(op, "the codes", a.out[0], {DType::i8});
  needShape(op, "the codes", a.out[0], {a.in[0].dims[0], a.in[0].dims[1]});
  needDType(op, "the scales", a.out[1], {DType::f32});
  needShape(op, "the scales", a.out[1], {a.in[0].dims[0], 1});
  Plan plan{double(a.in[0].size)};
  plan.parallel = a.in[0].dims[0] > 1;
  return plan;
}

Plan plan_linear(const Args& a) {
  const char* op = "linear";
  needDType(op, "the input", a.in[0], {DType::f32});
  needShape(op, "the input", a.in[0], {-1, -1});
  needDType(op, "the weight", a.in[1], {DType::bf16, DType::f32});
  needShape(op, "the weight", a.in[1], {-1, a.in[0].dims[1]});
  needDType(op, "the output", a.out[0], {DType::f32});
  needShape(op, "the output", a.out[0], {a.in[0].dims[0], a.in[1].dims[0]});
  return {double(a.out[0].size) * double(a.in[0].dims[1]) / 4};
}

}  // namespace rotor
