// Shape checks of ops that compare and count elements.
#include "plans.h"

namespace rotor {
namespace {

void needOrdered(const char* op, const View& v) {
  needDType(op, "the input", v, {DType::f32, DType::i32, DType::i8, DType::u8, DType::boolean});
}

Plan planArg(const char* op, const Args& a) {
  const View& x = a.in[0];
  needOrdered(op, x);
  needDType(op, "the output", a.out[0], {DType::i32});
  const int64_t dim = needInt(op, "the dimension", a.attrs[0], 0, double(x.ndim - 1));
  int64_t rest = 1;
  for (int d = 0; d < x.ndim; ++d) rest *= d == dim ? 1 : x.dims[d];
  if (x.dims[dim] == 0) failShape(op, "at least one element along the dimension", shapeText(x));
  if (a.out[0].size != rest) failShape(op, "an output of " + std::to_string(rest) + " elements", shapeText(a.out[0]));
  return {double(x.size)};
}

// Values like the input and i32 indices, both with `k` in the last dimension.
void needSelected(const char* op, const Args& a, int64_t k) {
  needOrdered(op, a.in[0]);
  if (a.in[0].ndim < 1) failShape(op, "at least one dimension", shapeText(a.in[0]));
  needDType(op, "the values", a.out[0], {a.in[0].dtype});
  needDType(op, "the indices", a.out[1], {DType::i32});
  View want = a.in[0];
  want.dims[want.ndim - 1] = k;
  for (int i = 0; i < 2; ++i)
    if (!sameShape(want, a.out[i])) failShape(op, "outputs of shape " + shapeText(want), shapeText(a.out[i]));
}

}  // namespace

Plan plan_argmax(const Args& a) { return planArg("argmax", a); }
Plan plan_argmin(const Args& a) { return planArg("argmin", a); }

Plan plan_sort(const Args& a) {
  needSelected("sort", a, a.in[0].last(0));
  needInt("sort", "descending", a.attrs[0], 0, 1);
  return {double(a.in[0].size) * 20, size_t(a.in[0].size) * sizeof(int32_t)};
}

Plan plan_topk(const Args& a) {
  needSelected("topk", a, needInt("topk", "k", a.attrs[0], 0, double(a.in[0].last(0))));
  needInt("topk", "largest", a.attrs[1], 0, 1);
  return {double(a.in[0].size) * 2};
}

Plan plan_bincount(const Args& a) {
  needDType("bincount", "the input", a.in[0], {DType::i32});
  needDType("bincount", "the output", a.out[0], {DType::i32});
  needShape("bincount", "an output", a.out[0], {-1});
  return {double(a.in[0].size), 0, false};
}

Plan plan_histogram(const Args& a) {
  needDType("histogram", "the input", a.in[0], {DType::f32});
  needDType("histogram", "the output", a.out[0], {DType::i32});
  needShape("histogram", "an output", a.out[0], {needInt("histogram", "bins", a.attrs[0], 1, 2147483647.0)});
  if (!(a.attrs[1] < a.attrs[2]) || !std::isfinite(a.attrs[2] - a.attrs[1]))
    throw OpError("OPTION", "[histogram] expected finite bounds, the lower first, received " + std::to_string(a.attrs[1]) + " and " + std::to_string(a.attrs[2]) + ".");
  return {double(a.in[0].size), 0, false};
}

}  // namespace rotor
