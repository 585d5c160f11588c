// Rotary positions, Hugging Face convention: element i turns with element i + E/2.

namespace rotor {
namespace ROTOR_TARGET {

static void rope(const Args& a, const Worker& w) {
  const int64_t rows = a.in[0].dims[0], heads = a.in[0].dims[1], half = a.in[0].dims[2] / 2, positions = a.in[2].dims[0];
  const int32_t* pos = a.in[1].as<int32_t>();
  int64_t b, e;
  w.range(rows * heads, 1, &b, &e);
  for (int64_t u = b; u < e; ++u) {
    const float* x = a.in[0].as<float>() + u * 2 * half;
    float* y = a.out[0].as<float>() + u * 2 * half;
    const int64_t p = pos[u / heads];
    if (p < 0 || p >= positions) {
      if (p != -1) a.fault->raise(p, positions);
      for (int64_t i = 0; i < 2 * half; ++i) y[i] = 0.0f;
      continue;
    }
    const float *c = a.in[2].as<float>() + p * half, *s = a.in[3].as<float>() + p * half;
    int64_t i = 0;
    // Two products and a sum, each rounded: the same bits as torch's x * cos + rotate_half(x) * sin.
    for (; i + kLanes <= half; i += kLanes) {
      const f32x16 x0 = f32x16::load(x + i), x1 = f32x16::load(x + half + i), ci = f32x16::load(c + i), si = f32x16::load(s + i);
      (x0 * ci - x1 * si).store(y + i);
      (x1 * ci + x0 * si).store(y + half + i);
    }
    for (; i < half; ++i) {
      y[i] = x[i] * c[i] - x[half + i] * s[i];
      y[half + i] = x[half + i] * c[i] + x[i] * s[i];
    }
  }
}

}  // namespace ROTOR_TARGET
}  // namespace rotor
