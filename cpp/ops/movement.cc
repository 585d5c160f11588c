// Shape checks of ops that move elements.
#include "plans.h"

namespace rotor {
namespace {

int needDim(const char* op, const Args& a, const View& v) {
  return int(needInt(op, "the dimension", a.attrs[0], 0, double(v.ndim - 1)));
}

// `v` must have the dimensions `dims`.
void needDims(const char* op, const char* what, const View& v, const int64_t* dims, int ndim) {
  View want;
  want.ndim = ndim <= kMaxDims ? ndim : kMaxDims;
  for (int i = 0; i < want.ndim; ++i) want.dims[i] = dims[i];
  if (ndim > kMaxDims || !sameShape(v, want)) failShape(op, std::string(what) + " of shape " + shapeText(want), shapeText(v));
}

}  // namespace

Plan plan_concat(const Args& a) {
  const View& y = a.out[0];
  const int dim = needDim("concat", a, y);
  int64_t total = 0;
  for (int i = 0; i < a.nIn; ++i) {
    needDType("concat", "every input", a.in[i], {y.dtype});
    int64_t dims[kMaxDims];
    for (int d = 0; d < y.ndim; ++d) dims[d] = d == dim && dim < a.in[i].ndim ? a.in[i].dims[d] : y.dims[d];
    needDims("concat", "an input", a.in[i], dims, y.ndim);
    total += a.in[i].dims[dim];
  }
  if (total != y.dims[dim]) failShape("concat", "inputs that add up to " + std::to_string(y.dims[dim]), std::to_string(total));
  return {double(y.size) / 4};
}

Plan plan_flip(const Args& a) {
  needDType("flip", "the output", a.out[0], {a.in[0].dtype});
  if (!sameShape(a.in[0], a.out[0])) failShape("flip", "an output of shape " + shapeText(a.in[0]), shapeText(a.out[0]));
  needInt("flip", "the set of dimensions", a.attrs[0], 0, double((1 << a.in[0].ndim) - 1));
  return {double(a.out[0].size)};
}

Plan plan_gather(const Args& a) {
  const View &x = a.in[0], &ids = a.in[1];
  needDType("gather", "the output", a.out[0], {x.dtype});
  needDType("gather", "indices", ids, {DType::i32});
  const int dim = needDim("gather", a, x);
  int64_t dims[2 * kMaxDims];
  int n = 0;
  for (int d = 0; d < dim; ++d) dims[n++] = x.dims[d];
  for (int d = 0; d < ids.ndim; ++d) dims[n++] = ids.dims[d];
  for (int d = dim + 1; d < x.ndim; ++d) dims[n++] = x.dims[d];
  needDims("gather", "an output", a.out[0], dims, n);
  return {double(a.out[0].size)};
}

Plan plan_take_along_dim(const Args& a) {
  const View &x = a.in[0], &ids = a.in[1];
  needDType("take_along_dim", "the output", a.out[0], {x.dtype});
  needDType("take_along_dim", "indices", ids, {DType::i32});
  const int dim = needDim("take_along_dim", a, x);
  int64_t dims[kMaxDims];
  for (int d = 0; d < x.ndim; ++d) dims[d] = d == dim && dim < ids.ndim ? ids.dims[d] : x.dims[d];
  needDims("take_along_dim", "indices", ids, dims, x.ndim);
  needDims("take_along_dim", "an output", a.out[0], dims, x.ndim);
  return {double(a.out[0].size)};
}

Plan plan_one_hot(const Args& a) {
  needDType("one_hot", "indices", a.in[0], {DType::i32});
  needDType("one_hot", "the output", a.out[0], {DType::f32});
  int64_t dims[kMaxDims + 1];
  for (int d = 0; d < a.in[0].ndim; ++d) dims[d] = a.in[0].dims[d];
  dims[a.in[0].ndim] = needInt("one_hot", "the number of classes", a.attrs[0], 0, 2147483647.0);
  needDims("one_hot", "an output", a.out[0], dims, a.in[0].ndim + 1);
  return {double(a.out[0].size)};
}

}  // namespace rotor
