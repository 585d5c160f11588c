// Shape checks of attention and of writing its cache.
#include "attention.h"

#include "plans.h"

namespace rotor {
namespace {

void needIndices(const char* op, const View& slot, const View& pos, int64_t rows) {
  needDType(op, "slots", slot, {DType::i32});
  needShape(op, "slots", slot, {rows});
  needDType(op, "positions", pos, {DType::i32});
  needShape(op, "positions", pos, {rows});
}

// A cache [slots, kv heads, positions, E] for x of shape [T, heads, E], whose heads are a multiple of the cache's. Input `at` are the
// scales of an int8 cache; a float cache has none.
void needCache(const char* op, const Args& a, const View& cache, int at, int64_t heads, int64_t e) {
  needDType(op, "a cache", cache, {DType::f32, DType::f16, DType::i8});
  needShape(op, "a cache", cache, {-1, -1, -1, e});
  if ((cache.dtype == DType::i8) != (at < a.nIn)) failShape(op, "scales with an i8 cache, and with no other", std::to_string(a.nIn) + " inputs");
  if (at < a.nIn) {
    needDType(op, "scales", a.in[at], {DType::f32});
    needShape(op, "scales", a.in[at], {cache.dims[0], cache.dims[1], cache.dims[2]});
  }
  if (cache.dims[1] == 0 || heads % cache.dims[1] != 0)
    failShape(op, "heads that are a multiple of the cache's", std::to_string(heads) + " heads and a cache of shape " + shapeText(cache));
}

void needRows(const char* op, const char* what, const View& x) {
  needDType(op, what, x, {DType::f32});
  needShape(op, what, x, {-1, -1, -1});
}

// Lengths are not known before the run; a few hundred positions are typical.
double typicalWork(const View& cache, int64_t rows, int64_t heads) {
  const int64_t positions = cache.dims[2] < 256 ? cache.dims[2] : 256;
  return double(rows) * double(heads) * double(positions) * double(cache.dims[3]) / 8;
}

}  // namespace

Plan plan_kv_append_(const Args& a) {
  const View &cache = a.in[0], &x = a.in[1];
  needRows("kv_append_", "x", x);
  needCache("kv_append_", a, cache, 4, x.dims[1], x.dims[2]);
  needShape("kv_append_", "x", x, {-1, cache.dims[1], -1});
  needIndices("kv_append_", a.in[2], a.in[3], x.dims[0]);
  return {double(x.size)};
}

Plan plan_attention(const Args& a) {
  const View &q = a.in[0], &keys = a.in[1], &values = a.in[2];
  needRows("attention", "q", q);
  needCache("attention", a, keys, 5, q.dims[1], q.dims[2]);
  needCache("attention", a, values, 6, q.dims[1], q.dims[2]);
  if (keys.dtype != values.dtype) failShape("attention", "key and value caches of equal dtypes", "different ones");
  if (!sameShape(keys, values)) failShape("attention", "key and value caches of equal shapes", shapeText(keys) + " and " + shapeText(values));
  needIndices("attention", a.in[3], a.in[4], q.dims[0]);
  needRows("attention", "the output", a.out[0]);
  needShape("attention", "the output", a.out[0], {q.dims[0], q.dims[1], q.dims[2]});
  const int64_t group = attentionGroup(q.dims[0], q.dims[1], keys.dims[2]);
  const size_t scores = 2 * size_t(group) * size_t(q.dims[1]) * size_t(keys.dims[2]);
  const size_t scratch = sizeof(float) * (scores + size_t(valueBlocks(keys.dims[2]) * group * q.dims[1] * q.dims[2]));
  return {2 * typicalWork(keys, q.dims[0], q.dims[1]), scratch};
}

Plan plan_attn_scores(const Args& a) {
  const View &q = a.in[0], &keys = a.in[1];
  needRows("attn_scores", "q", q);
  needCache("attn_scores", a, keys, 4, q.dims[1], q.dims[2]);
  needIndices("attn_scores", a.in[2], a.in[3], q.dims[0]);
  const int64_t length = needInt("attn_scores", "length", a.attrs[1], 0, INT32_MAX);
  needRows("attn_scores", "the output", a.out[0]);
  needShape("attn_scores", "the output", a.out[0], {q.dims[1], q.dims[0], length});
  return {typicalWork(keys, q.dims[0], q.dims[1])};
}

Plan plan_attn_values(const Args& a) {
  const View &pattern = a.in[0], &values = a.in[1];
  needRows("attn_values", "the pattern", pattern);
  needRows("attn_values", "the output", a.out[0]);
  needCache("attn_values", a, values, 4, pattern.dims[0], a.out[0].dims[2]);
  needIndices("attn_values", a.in[2], a.in[3], pattern.dims[1]);
  needShape("attn_values", "the output", a.out[0], {pattern.dims[1], pattern.dims[0], values.dims[3]});
  return {typicalWork(values, pattern.dims[1], pattern.dims[0])};
}

}  // namespace rotor
