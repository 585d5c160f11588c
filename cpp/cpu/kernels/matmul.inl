// Batched float matrix product: every output is one dot product in the fixed lane order.

namespace rotor {
namespace ROTOR_TARGET {

// y[0..3] = dot(x, w + j*step), bit for bit as dot(), four columns at a time for the sake of the fma units.
static inline void dot4(const float* x, const float* w, int64_t step, int64_t n, float* y) {
  f32x16 acc[4];
  for (f32x16& v : acc) v = f32x16::set1(0.0f);
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    const f32x16 xi = f32x16::load(x + i);
    for (int j = 0; j < 4; ++j) acc[j] = fma(xi, f32x16::load(w + j * step + i), acc[j]);
  }
  if (i < n) {
    const f32x16 xi = load_n(x + i, n - i, 0.0f);
    for (int j = 0; j < 4; ++j) acc[j] = fma(xi, load_n(w + j * step + i, n - i, 0.0f), acc[j]);
  }
  for (int j = 0; j < 4; ++j) y[j] = reduce_add(acc[j]);
}

// One operand as vectors of k neighbouring floats; copied into scratch where the tensor has them apart.
struct Vectors {
  const float* base;
  int64_t step;                     // between vectors of a matrix
  int64_t batch[kMaxDims];          // between matrices, per batch dimension of the output
  bool packed;
  // `vec` and `along`: the dimensions (from the end) of vectors and of elements.
  Vectors(const View& v, int vec, int along, int outDims, char* scratch)
      : base(v.as<float>()), step(v.strides[v.ndim - 1 - vec]), packed(v.last(along) > 1 && v.strides[v.ndim - 1 - along] != 1) {
    int64_t dense = v.last(0) * v.last(1);
    for (int d = outDims - 3; d >= 0; --d) {
      const int s = d - (outDims - v.ndim);
      batch[d] = s < 0 || v.dims[s] == 1 ? 0 : packed ? dense : v.strides[s];
      if (s >= 0) dense *= v.dims[s];
    }
    if (!packed) return;
    base = reinterpret_cast<float*>(scratch);
    step = v.last(along);
  }
};

// Row-major [batch.., vectors, k] copy of an operand.
static void pack_vectors(const View& v, int vec, int along, float* to, const Worker& w) {
  const int64_t k = v.last(along), m = v.last(vec);
  const int64_t stride = v.strides[v.ndim - 1 - along], step = v.strides[v.ndim - 1 - vec];
  int64_t b, e;
  w.range(v.size / k, 4, &b, &e);
  for (int64_t r = b; r < e; ++r) {
    const float* x = v.as<float>() + r % m * step;
    int64_t rest = r / m;
    for (int d = v.ndim - 3; d >= 0; --d) {
      x += rest % v.dims[d] * v.strides[d];
      rest /= v.dims[d];
    }
    for (int64_t i = 0; i < k; ++i) to[r * k + i] = x[i * stride];
  }
}

static void matmul(const Args& a, const Worker& w) {
  const View &x = a.in[0], &z = a.in[1], &y = a.out[0];
  const int64_t m = y.last(1), n = y.last(0), k = x.last(0);
  const Vectors left(x, 1, 0, y.ndim, a.scratch);
  char* second = a.scratch + (left.packed ? (x.size * int64_t(sizeof(float)) + 63) / 64 * 64 : 0);
  const Vectors right(z, 0, 1, y.ndim, second);
  if (left.packed) pack_vectors(x, 1, 0, reinterpret_cast<float*>(a.scratch), w);
  if (right.packed) pack_vectors(z, 0, 1, reinterpret_cast<float*>(second), w);
  if (left.packed || right.packed) w.sync();
  int64_t b, e;
  w.range(y.size, 16, &b, &e);
  for (int64_t i = b; i < e;) {
    const int64_t col = i % n, row = i / n % m;
    int64_t rest = i / n / m;
    const float *p = left.base + row * left.step, *q = right.base;
    for (int d = y.ndim - 3; d >= 0; --d) {
      p += rest % y.dims[d] * left.batch[d];
      q += rest % y.dims[d] * right.batch[d];
      rest /= y.dims[d];
    }
    const int64_t stop = i - col + n < e ? n : col + e - i;  // columns of this row that are ours
    int64_t c = col;
    float* to = y.as<float>() + i - col;
    for (; c + 4 <= stop; c += 4) dot4(p, q + c * right.step, right.step, k, to + c);
    for (; c < stop; ++c) to[c] = dot(p, q + c * right.step, k);
    i += stop - col;
  }
}

}  // namespace ROTOR_TARGET
}  // namespace rotor
