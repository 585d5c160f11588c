// Shape checks of ops over the rows of a tensor.
#include "plans.h"

namespace rotor {

namespace {

Plan planRows(const char* op, const Args& a) {
  needDType(op, "the input", a.in[0], {DType::f32});
  needDType(op, "the output", a.out[0], {DType::f32});
  if (a.in[0].ndim < 1) failShape(op, "at least one dimension", shapeText(a.in[0]));
  if (!sameShape(a.in[0], a.out[0])) failShape(op, "an output of shape " + shapeText(a.in[0]), shapeText(a.out[0]));
  return {double(a.in[0].size) * 4};
}

}  // namespace

Plan plan_softmax(const Args& a) { return planRows("softmax", a); }
Plan plan_log_softmax(const Args& a) { return planRows("log_softmax", a); }

Plan plan_embedding(const Args& a) {
  needDType("embedding", "the table", a.in[0], {DType::f32, DType::bf16});
  needDType("embedding", "ids", a.in[1], {DType::i32});
  needDType("embedding", "the output", a.out[0], {DType::f32});
  needShape("embedding", "a table", a.in[0], {-1, -1});
  needShape("embedding", "ids", a.in[1], {-1});
  needShape("embedding", "an output", a.out[0], {a.in[1].dims[0], a.in[0].dims[1]});
  return {double(a.out[0].size) / 4};
}

}  // namespace rotor
