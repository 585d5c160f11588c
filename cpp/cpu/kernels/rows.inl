// softmax, its logarithm, and rows taken from a table.
#include "../../math/f64.h"

namespace rotor {
namespace ROTOR_TARGET {

static void softmax(const Args& a, const Worker& w) {
  const int64_t n = a.in[0].last(0), rows = n == 0 ? 0 : a.in[0].size / n;
  int64_t b, e;
  w.range(rows, 1, &b, &e);
  for (int64_t r = b; r < e; ++r) softmax_row(a.in[0].as<float>() + r * n, a.out[0].as<float>() + r * n, n);
}

// y = (x - max) - log(sum of e^(x - max)); the sum is softmax's, the rest in double.
static void log_softmax(const Args& a, const Worker& w) {
  const int64_t n = a.in[0].last(0), rows = n == 0 ? 0 : a.in[0].size / n;
  int64_t b, e;
  w.range(rows, 1, &b, &e);
  for (int64_t r = b; r < e; ++r) {
    const float* x = a.in[0].as<float>() + r * n;
    float* y = a.out[0].as<float>() + r * n;
    const float low = -HUGE_VALF;
    f32x16 top = f32x16::set1(low), sum = f32x16::set1(0.0f);
    for (int64_t i = 0; i < n; i += kLanes) top = max(top, i + kLanes <= n ? f32x16::load(x + i) : load_n(x + i, n - i, low));
    const float m = reduce_max(top);
    for (int64_t i = 0; i < n; i += kLanes)
      sum = sum + exp((i + kLanes <= n ? f32x16::load(x + i) : load_n(x + i, n - i, low)) - f32x16::set1(m));
    const double log_sum = f64_log(double(reduce_add(sum)));
    for (int64_t i = 0; i < n; ++i) y[i] = float((double(x[i]) - double(m)) - log_sum);
  }
}

static void embedding(const Args& a, const Worker& w) {
  const int64_t vocab = a.in[0].dims[0], d = a.in[0].dims[1];
  const int32_t* ids = a.in[1].as<int32_t>();
  int64_t b, e;
  w.range(a.in[1].size, 1, &b, &e);
  for (int64_t t = b; t < e; ++t) {
    const int64_t id = ids[t];
    if (id < 0 || id >= vocab) {
      a.fault->raise(id, vocab);
      continue;
    }
    float* y = a.out[0].as<float>() + t * d;
    if (a.in[0].dtype == DType::f32) {
      memcpy(y, a.in[0].as<float>() + id * d, size_t(d) * sizeof(float));
      continue;
    }
    const uint16_t* x = a.in[0].as<uint16_t>() + id * d;
    int64_t i = 0;
    for (; i + kLanes <= d; i += kLanes) f32x16::load_bf16(x + i).store(y + i);
    for (; i < d; ++i) y[i] = bf16_f32(x[i]);
  }
}

}  // namespace ROTOR_TARGET
}  // namespace rotor
