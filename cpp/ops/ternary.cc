// Shape checks of packed ternary matrices and their product.
#include "../ternary.h"

#include "plans.h"

namespace rotor {
namespace {

constexpr double kMaxRows = 1 << 30;

struct Matrix {
  int64_t rows, cols;
};

// The matrix that attributes `i` and `i + 1` describe, whose packed bytes are input `input`.
Matrix needPacked(const char* op, const Args& a, int input, int i = 0) {
  const Matrix m{needInt(op, "rows", a.attrs[i], 0, int64_t(kMaxRows)), needInt(op, "cols", a.attrs[i + 1], 0, kMaxTernaryCols)};
  needDType(op, "packed weights", a.in[input], {DType::u8});
  needShape(op, "packed weights", a.in[input], {a.target->ternaryBytes(m.rows, m.cols)});
  return m;
}

void needPlanes(const char* op, const View& v, int64_t rows, int64_t cols) {
  needDType(op, "planes", v, {DType::u8});
  needShape(op, "planes", v, {2, rows, planeBytes(cols)});
}

void needCols(const char* op, const View& v) {
  if (v.ndim == 2 && v.dims[1] > kMaxTernaryCols)
    failShape(op, "at most " + std::to_string(kMaxTernaryCols) + " columns", shapeText(v));
}

}  // namespace

Plan plan_ternary_from_hf(const Args& a) {
  const char* op = "ternary_from_hf";
  needDType(op, "the packed rows", a.in[0], {DType::u8});
  needShape(op, "the packed rows", a.in[0], {-1, -1});
  needCols(op, a.in[0]);
  needPlanes(op, a.out[0], a.in[0].dims[0] * 4, a.in[0].dims[1]);
  needDType(op, "the count", a.out[1], {DType::i32});
  needShape(op, "the count", a.out[1], {1});
  return {double(a.in[0].size)};
}

Plan plan_ternary_from_float(const Args& a) {
  const char* op = "ternary_from_float";
  needDType(op, "the weights", a.in[0], {DType::f32, DType::bf16});
  needShape(op, "the weights", a.in[0], {-1, -1});
  needCols(op, a.in[0]);
  needPlanes(op, a.out[0], a.in[0].dims[0], a.in[0].dims[1]);
  needDType(op, "the scale", a.out[1], {DType::f32});
  needShape(op, "the scale", a.out[1], {1});
  Plan plan{double(a.in[0].size)};
  plan.scratch = size_t(a.in[0].dims[0]) * sizeof(double);
  return plan;
}

Plan plan_ternary_pack_(const Args& a) {
  const char* op = "ternary_pack_";
  const Matrix m = needPacked(op, a, 0);
  const int64_t begin = needInt(op, "the first row", a.attrs[2], 0, m.rows);
  needShape(op, "planes", a.in[1], {2, -1, -1});
  needPlanes(op, a.in[1], a.in[1].dims[1], m.cols);
  if (begin + a.in[1].dims[1] > m.rows)
    failShape(op, "at most " + std::to_string(m.rows - begin) + " rows of planes", std::to_string(a.in[1].dims[1]));
  return {double(a.in[1].size)};
}

Plan plan_ternary_unpack(const Args& a) {
  const char* op = "ternary_unpack";
  const Matrix m = needPacked(op, a, 0);
  const int64_t begin = needInt(op, "the first row", a.attrs[2], 0, m.rows);
  const int64_t count = needInt(op, "the number of rows", a.attrs[3], 0, m.rows - begin);
  needDType(op, "the output", a.out[0], {DType::i8});
  needShape(op, "the output", a.out[0], {count, m.cols});
  return {double(a.out[0].size)};
}

Plan plan_ternary_counts(const Args& a) {
  const char* op = "ternary_counts";
  const Matrix m = needPacked(op, a, 0);
  needDType(op, "the output", a.out[0], {DType::i32});
  needShape(op, "the output", a.out[0], {m.rows, 3});
  return {double(m.rows) * double(planeBytes(m.cols))};
}

namespace {

Plan productPlan(const Matrix& m, int64_t tokens) {
  Plan plan{double(m.rows) * double(m.cols) * double(tokens) / 4};
  plan.scratch = size_t(ternaryScratch(tokens, m.cols));
  return plan;
}

}  // namespace

Plan plan_ternary_matmul(const Args& a) {
  const char* op = "ternary_matmul";
  const Matrix m = needPacked(op, a, 2);
  needDType(op, "activations", a.in[0], {DType::i8});
  needShape(op, "activations", a.in[0], {-1, m.cols});
  const int64_t tokens = a.in[0].dims[0];
  needDType(op, "activation scales", a.in[1], {DType::f32});
  needShape(op, "activation scales", a.in[1], {tokens, 1});
  needDType(op, "row scales", a.in[3], {DType::f32});
  needShape(op, "row scales", a.in[3], {m.rows});
  int64_t sum = 0;
  for (int i = 0; i < a.nOut; ++i) {
    const int64_t n = needInt(op, "rows of an output", a.attrs[2 + i], 0, m.rows);
    needDType(op, "the outputs", a.out[i], {DType::f32});
    needShape(op, "an output", a.out[i], {tokens, n});
    sum += n;
  }
  if (sum != m.rows) failShape(op, "outputs with " + std::to_string(m.rows) + " columns together", std::to_string(sum));
  return productPlan(m, tokens);
}

Plan plan_ternary_matmul_i32(const Args& a) {
  const char* op = "ternary_matmul_i32";
  const Matrix m = needPacked(op, a, 1);
  needDType(op, "activations", a.in[0], {DType::i8});
  needShape(op, "activations", a.in[0], {-1, m.cols});
  needDType(op, "the output", a.out[0], {DType::i32});
  needShape(op, "the output", a.out[0], {a.in[0].dims[0], m.rows});
  return productPlan(m, a.in[0].dims[0]);
}

Plan plan_rescale(const Args& a) {
  const char* op = "rescale";
  needDType(op, "sums", a.in[0], {DType::i32});
  needShape(op, "sums", a.in[0], {-1, -1});
  needDType(op, "activation scales", a.in[1], {DType::f32});
  needShape(op, "activation scales", a.in[1], {a.in[0].dims[0], 1});
  needDType(op, "row scales", a.in[2], {DType::f32});
  needShape(op, "row scales", a.in[2], {a.in[0].dims[1]});
  needDType(op, "the output", a.out[0], {DType::f32});
  needShape(op, "the output", a.out[0], {a.in[0].dims[0], a.in[0].dims[1]});
  return {double(a.out[0].size)};
}

}  // namespace rotor
