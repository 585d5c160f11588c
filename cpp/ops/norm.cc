// Shape checks of the root-mean-square norm.
#include "plans.h"

namespace rotor {
namespace {

void needRows(const char* op, const Args& a) {
  needDType(op, "x", a.in[0], {DType::f32});
  needShape(op, "x", a.in[0], {-1, -1});
  if (a.in[0].dims[1] == 0) failShape(op, "rows of at least one element", shapeText(a.in[0]));
  if (!(a.attrs[0] >= 0)) throw OpError("OPTION", std::string("[") + op + "] expected eps >= 0, received " + std::to_string(a.attrs[0]) + ".");
}

}  // namespace

Plan plan_rms_norm(const Args& a) {
  needRows("rms_norm", a);
  needDType("rms_norm", "the weight", a.in[1], {DType::f32});
  needShape("rms_norm", "the weight", a.in[1], {a.in[0].dims[1]});
  needDType("rms_norm", "the output", a.out[0], {DType::f32});
  needShape("rms_norm", "the output", a.out[0], {a.in[0].dims[0], a.in[0].dims[1]});
  needInt("rms_norm", "the width of the mean", a.attrs[1], a.in[0].dims[1], int64_t(1) << 40);
  return {2.0 * double(a.in[0].size), 0, a.in[0].dims[0] > 1};
}

Plan plan_rms_scale(const Args& a) {
  needRows("rms_scale", a);
  needDType("rms_scale", "the output", a.out[0], {DType::f32});
  needShape("rms_scale", "the output", a.out[0], {a.in[0].dims[0], 1});
  return {double(a.in[0].size), 0, a.in[0].dims[0] > 1};
}

}  // namespace rotor
