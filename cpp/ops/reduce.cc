// Shape checks of reductions and cumulative sums.
#include "plans.h"

namespace rotor {
namespace {

// attrs[0] has bit d set when dimension d is reduced. The output keeps it as 1 or drops it.
Plan planReduce(const char* op, const Args& a, std::initializer_list<DType> allowed, DType out, bool needsOne) {
  const View &x = a.in[0], &y = a.out[0];
  needDType(op, "the input", x, allowed);
  needDType(op, "the output", y, {out});
  const int64_t mask = needInt(op, "the mask of dimensions", a.attrs[0], 0, (int64_t(1) << x.ndim) - 1);
  int64_t kept[kMaxDims], nKept = 0, count = 1;
  bool whole = y.ndim == x.ndim;
  for (int d = 0; d < x.ndim; ++d) {
    const bool reduced = (mask >> d & 1) != 0;
    if (reduced) count *= x.dims[d];
    if (!reduced) kept[nKept++] = x.dims[d];
    if (whole && y.dims[d] != (reduced ? 1 : x.dims[d])) whole = false;
  }
  bool dropped = y.ndim == nKept;
  for (int d = 0; dropped && d < nKept; ++d) dropped = y.dims[d] == kept[d];
  if (!whole && !dropped) failShape(op, "the input's shape without the reduced dimensions", shapeText(y));
  if (needsOne && count == 0 && y.size > 0) failShape(op, "at least one element to reduce", shapeText(x));
  return {double(x.size) + double(y.size)};
}

void planRandom(const char* op, const Args& a, DType out) {
  constexpr int64_t limit = (int64_t(1) << 53) - 1;
  needDType(op, "the output", a.out[0], {out});
  needInt(op, "the seed", a.attrs[0], 0, limit);
  needInt(op, "the offset", a.attrs[1], 0, limit);
}

}  // namespace

Plan plan_sum(const Args& a) {
  return planReduce("sum", a, {DType::f32, DType::i32}, a.in[0].dtype, false);
}

Plan plan_mean(const Args& a) {
  return planReduce("mean", a, {DType::f32, DType::i32}, DType::f32, false);
}

Plan plan_prod(const Args& a) {
  return planReduce("prod", a, {DType::f32, DType::i32}, a.in[0].dtype, false);
}

Plan plan_max(const Args& a) {
  return planReduce("max", a, {DType::f32, DType::i32}, a.in[0].dtype, true);
}

Plan plan_min(const Args& a) {
  return planReduce("min", a, {DType::f32, DType::i32}, a.in[0].dtype, true);
}

Plan plan_any(const Args& a) {
  return planReduce("any", a, {DType::boolean}, DType::boolean, false);
}

Plan plan_all(const Args& a) {
  return planReduce("all", a, {DType::boolean}, DType::boolean, false);
}

Plan plan_cumsum(const Args& a) {
  needDType("cumsum", "the input", a.in[0], {DType::f32, DType::i32});
  needDType("cumsum", "the output", a.out[0], {a.in[0].dtype});
  if (!sameShape(a.in[0], a.out[0])) failShape("cumsum", "an output of shape " + shapeText(a.in[0]), shapeText(a.out[0]));
  if (a.in[0].ndim == 0) failShape("cumsum", "at least one dimension", shapeText(a.in[0]));
  needInt("cumsum", "the dimension", a.attrs[0], 0, a.in[0].ndim - 1);
  return {2 * double(a.in[0].size)};
}

Plan plan_random_uniform(const Args& a) {
  planRandom("random_uniform", a, DType::f32);
  return {10 * double(a.out[0].size)};
}

Plan plan_random_normal(const Args& a) {
  planRandom("random_normal", a, DType::f32);
  return {50 * double(a.out[0].size)};
}

Plan plan_randint(const Args& a) {
  planRandom("randint", a, DType::i32);
  const int64_t low = needInt("randint", "the lower bound", a.attrs[2], -2147483648LL, 2147483647LL);
  needInt("randint", "the upper bound", a.attrs[3], low + 1, 2147483648LL);
  return {10 * double(a.out[0].size)};
}

}  // namespace rotor
