// Shape check of the batched matrix product.
#include "plans.h"

namespace rotor {
namespace {

// Bytes of the copy that the kernel makes when the elements of its vectors lie apart.
size_t packedBytes(const View& v, int along) {
  const bool packed = v.last(along) > 1 && v.strides[v.ndim - 1 - along] != 1;
  return packed ? (size_t(v.size) * sizeof(float) + 63) / 64 * 64 : 0;
}

}  // namespace

Plan plan_matmul(const Args& a) {
  const View &x = a.in[0], &z = a.in[1], &y = a.out[0];
  for (const View* v : {&x, &z, &y}) {
    needDType("matmul", "every operand", *v, {DType::f32});
    if (v->ndim < 2) failShape("matmul", "at least two dimensions", shapeText(*v));
  }
  bool ok = x.last(0) == z.last(1) && y.last(1) == x.last(1) && y.last(0) == z.last(0) && x.ndim <= y.ndim && z.ndim <= y.ndim;
  for (int i = 2; i < y.ndim; ++i)
    ok = ok && (x.last(i) == 1 || x.last(i) == y.last(i)) && (z.last(i) == 1 || z.last(i) == y.last(i));
  if (!ok) failShape("matmul", "operands [.., M, K] and [.., K, N] for an output " + shapeText(y), shapeText(x) + " and " + shapeText(z));
  return {double(y.size) * double(x.last(0)) / 8, packedBytes(x, 0) + packedBytes(z, 1)};
}

}  // namespace rotor
