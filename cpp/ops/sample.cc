// Shape checks of the sampler.
#include "plans.h"

namespace rotor {

Plan plan_sample_(const Args& a) {
  static const char* const names[] = {"logits", "tokens", "positions", "steps", "seeds", "parameters", "seen counts", "biases"};
  const View& logits = a.in[0];
  needShape("sample_", names[0], logits, {-1, -1});
  const int64_t rows = logits.dims[0], vocab = logits.dims[1];
  if (vocab == 0 || vocab > INT32_MAX) failShape("sample_", "a vocabulary of 1 to 2^31 - 1 tokens", shapeText(logits));
  for (int i : {0, 5, 7}) needDType("sample_", names[i], a.in[i], {DType::f32});
  for (int i : {1, 2, 3, 4, 6}) needDType("sample_", names[i], a.in[i], {DType::i32});
  for (int i : {1, 2, 3}) needShape("sample_", names[i], a.in[i], {rows});
  needShape("sample_", names[4], a.in[4], {rows, 2});
  needShape("sample_", names[5], a.in[5], {rows, 8});
  for (int i : {6, 7}) needShape("sample_", names[i], a.in[i], {rows, vocab});
  needDType("sample_", "the output", a.out[0], {DType::f32});
  needShape("sample_", "the output", a.out[0], {rows});
  // Per token two doubles and a candidate of 24 bytes, per 2048 tokens one summary of 48 bytes; one row at a time.
  const size_t scratch = size_t(vocab) * 40 + (size_t(vocab) / 2048 + 1) * 48;
  return {20.0 * double(logits.size), scratch, vocab > 2048};
}

}  // namespace rotor
