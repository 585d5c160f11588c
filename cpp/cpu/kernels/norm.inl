// Root-mean-square norm.

namespace rotor {
namespace ROTOR_TARGET {

// sqrt(sum(x^2) / width + eps), rounded once to float. Squares are exact in double and summed in sixteen double lanes, folded 8, 4, 2, 1.
// Zeros of a wider row may be left out where every other element keeps its lane and the order there.
static float rms_row(const float* x, int64_t n, int64_t width, double eps) {
  double lane[kLanes] = {};
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes)
    for (int l = 0; l < kLanes; ++l) lane[l] += double(x[i + l]) * double(x[i + l]);
  for (int l = 0; i + l < n; ++l) lane[l] += double(x[i + l]) * double(x[i + l]);
  for (int w = 8; w >= 1; w /= 2)
    for (int l = 0; l < w; ++l) lane[l] += lane[l + w];
  return float(std::sqrt(lane[0] / double(width) + eps));
}

static void rms_scale(const Args& a, const Worker& w) {
  const int64_t n = a.in[0].dims[1];
  int64_t b, e;
  w.range(a.in[0].dims[0], 1, &b, &e);
  for (int64_t t = b; t < e; ++t) a.out[0].as<float>()[t] = rms_row(a.in[0].as<float>() + t * n, n, n, a.attrs[0]);
}

static void rms_norm(const Args& a, const Worker& w) {
  const int64_t n = a.in[0].dims[1];
  const float* weight = a.in[1].as<float>();
  int64_t b, e;
  w.range(a.in[0].dims[0], 1, &b, &e);
  for (int64_t t = b; t < e; ++t) {
    const float* x = a.in[0].as<float>() + t * n;
    float* y = a.out[0].as<float>() + t * n;
    const float scale = rms_row(x, n, int64_t(a.attrs[1]), a.attrs[0]);
    const f32x16 s = f32x16::set1(scale);
    int64_t i = 0;
    for (; i + kLanes <= n; i += kLanes) (f32x16::load(x + i) / s * f32x16::load(weight + i)).store(y + i);
    for (; i < n; ++i) y[i] = x[i] / scale * weight[i];
  }
}

}  // namespace ROTOR_TARGET
}  // namespace rotor
