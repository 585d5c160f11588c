// Shape checks of the int8 copy of an output head and of the product that screens with it.
#include "../screen.h"

#include "plans.h"

namespace rotor {

Plan plan_quantize_rows(const Args& a) {
  const char* op = "quantize_rows";
  needDType(op, "the weight", a.in[0], {DType::bf16, DType::f32});
  needShape(op, "the weight", a.in[0], {-1, -1});
  const int64_t rows = a.in[0].dims[0], cols = a.in[0].dims[1];
  if (cols > kScreenCols) failShape(op, "at most " + std::to_string(kScreenCols) + " columns", shapeText(a.in[0]));
  needDType(op, "the codes", a.out[0], {DType::i8});
  needShape(op, "the codes", a.out[0], {rows, cols});
  needDType(op, "the bounds", a.out[1], {DType::f32});
  needShape(op, "the bounds", a.out[1], {rows, 4});
  return {4.0 * double(a.in[0].size)};
}

Plan plan_screened_linear(const Args& a) {
  const char* op = "screened_linear";
  needDType(op, "the input", a.in[0], {DType::f32});
  needShape(op, "the input", a.in[0], {-1, -1});
  const int64_t tokens = a.in[0].dims[0], cols = a.in[0].dims[1];
  if (cols > kScreenCols) failShape(op, "at most " + std::to_string(kScreenCols) + " columns", shapeText(a.in[0]));
  needDType(op, "the weight", a.in[1], {DType::bf16, DType::f32});
  needShape(op, "the weight", a.in[1], {-1, cols});
  const int64_t vocab = a.in[1].dims[0];
  if (vocab == 0 || vocab > INT32_MAX) failShape(op, "a vocabulary of 1 to 2^31 - 1 tokens", shapeText(a.in[1]));
  needDType(op, "the codes", a.in[2], {DType::i8});
  needShape(op, "the codes", a.in[2], {vocab, cols});
  needDType(op, "the bounds", a.in[3], {DType::f32});
  needShape(op, "the bounds", a.in[3], {vocab, 4});
  needDType(op, "positions", a.in[4], {DType::i32});
  needShape(op, "positions", a.in[4], {tokens});
  needDType(op, "parameters", a.in[5], {DType::f32});
  needShape(op, "parameters", a.in[5], {tokens, 8});
  needDType(op, "seen counts", a.in[6], {DType::i32});
  needShape(op, "seen counts", a.in[6], {tokens, vocab});
  needDType(op, "biases", a.in[7], {DType::f32});
  needShape(op, "biases", a.in[7], {tokens, vocab});
  needDType(op, "the logits", a.out[0], {DType::f32});
  needShape(op, "the logits", a.out[0], {tokens, vocab});
  needDType(op, "the counts", a.out[1], {DType::i32});
  needShape(op, "the counts", a.out[1], {tokens});
  Plan plan{double(a.out[0].size) * double(cols) / 4};
  plan.scratch = size_t(screenScratch(tokens, vocab, cols));
  return plan;
}

}  // namespace rotor
