// The softmax op, and rows taken from a table.

namespace rotor {
namespace ROTOR_TARGET {

static void softmax(const Args& a, const Worker& w) {
  const int64_t n = a.in[0].last(0), rows = n == 0 ? 0 : a.in[0].size / n;
  int64_t b, e;
  w.range(rows, 1, &b, &e);
  for (int64_t r = b; r < e; ++r) softmax_row(a.in[0].as<float>() + r * n, a.out[0].as<float>() + r * n, n);
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
