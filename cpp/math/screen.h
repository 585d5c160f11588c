// What the sampler goes by, and the bounds that int8 codes of a weight row give for its logit; src/ops/screen.ts derives them.
// All of it is double arithmetic in a written order.
#pragma once
#include "../screen.h"
#include "bits.h"

namespace rotor {

struct SampleParams {
  double temperature, topK, topP, minP, typicalP, repetition, presence, frequency;
};

ROTOR_ANYWHERE SampleParams sampleParams(const float* f) { return {f[0], f[1], f[2], f[3], f[4], f[5], f[6], f[7]}; }

// Repetition as Keskar et al. 2019 (CTRL) and Hugging Face: prompt and output; presence and frequency as OpenAI: output only.
ROTOR_ANYWHERE double penalised(double z, int32_t seen, const SampleParams& p) {
  const int32_t count = seen & 0x3fffffff;
  if (p.repetition != 1.0) z = z < 0.0 ? z * p.repetition : z / p.repetition;
  if (count > 0) z = z - p.presence - p.frequency * double(count);
  return z;
}

// What the sampler goes by, of a logit; as increasing in it as double arithmetic allows, for a repetition penalty above 0.
ROTOR_ANYWHERE double adjusted(double logit, float bias, int32_t seen, const SampleParams& p) {
  const double z = logit + double(bias);
  return (seen & 0x7fffffff) != 0 ? penalised(z, seen, p) : z;
}

// How many of the best logits the sampler looks at. All of them where adjusting would not keep the order of the logits.
ROTOR_ANYWHERE int64_t wantedLogits(const SampleParams& p, int64_t vocab) {
  const bool ordered = p.repetition > 0.0 && p.repetition < HUGE_VAL && ::fabs(p.presence) < HUGE_VAL && ::fabs(p.frequency) < HUGE_VAL;
  if (!ordered || !(p.temperature >= 0.0 && p.temperature < HUGE_VAL)) return vocab;
  if (p.temperature == 0.0) return 1;
  return p.topK >= 1.0 && p.topK < double(vocab) ? int64_t(p.topK) : vocab;
}

enum ScreenMode : int64_t { kIdle, kWhole, kScreen };

constexpr double kScreenSlack = 1.0 + 0x1p-36;  // over the rounding of sums of up to 2^16 squares, and of their root
constexpr double kScreenTop = 8191.0;           // |z|: with 8192 added, two digits of 7 bits
constexpr double kMagicRound = 6755399441055744.0;  // 1.5 * 2^52: adding it rounds to the nearest integer, ties to even

// The least float32 that is not below v >= 0.
ROTOR_ANYWHERE float roundUp32(double v) {
  const float f = float(v);
  return double(f) < v ? bits_f32(f32_bits(f) + 1) : f;
}

// The logit is within spread of value.
struct LogitBound {
  double value, spread;
};

// From both digits; `sum` is <z + 8192, q>.
ROTOR_ANYWHERE LogitBound boundLogit(const ScreenToken& t, const float* bounds, int64_t sum) {
  const double value = double(sum - 8192 * int64_t(bounds[3])) * (t.step * double(bounds[0]));
  return {value, (t.perNorm * double(bounds[2]) + t.perError * double(bounds[1]) + t.least) * (1.0 + 0x1p-40) + ::fabs(value) * 0x1p-48};
}

// What a row of `d` activations needs besides sums of squares: of x, of what step * z leaves of it, and of step * z.
ROTOR_ANYWHERE void screenSpreads(ScreenToken* t, int64_t d, double all, double rest, double kept) {
  const double roundings = double((d + 15) / 16 + 4), gamma = roundings * 0x1p-24 / (1.0 - roundings * 0x1p-24);
  t->norm = ::sqrt(all) * kScreenSlack;
  t->perNorm = ::sqrt(rest) * kScreenSlack + t->norm * (0x1p-48 + gamma);
  t->perError = ::sqrt(kept) * kScreenSlack;
  t->least = double(d + 16) * 0x1p-149;
}

}  // namespace rotor
