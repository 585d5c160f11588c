// Reductions over any dimensions, and cumulative sums. A result depends on the values in row-major order of the
// reduced dimensions only, not on strides or threads.
#include "elementwise.inl"

namespace rotor {
namespace ROTOR_TARGET {

// The dimensions of an input in two groups, kept and reduced; reduced ones are joined where memory allows.
struct Split {
  int kept = 0, reduced = 0;
  int64_t keptDim[kMaxDims], keptStride[kMaxDims], dim[kMaxDims], stride[kMaxDims], count = 1;

  Split(const View& x, unsigned mask) {
    for (int d = 0; d < x.ndim; ++d) {
      const int64_t n = x.dims[d], s = x.strides[d];
      if (!(mask >> d & 1)) {
        keptDim[kept] = n;
        keptStride[kept++] = s;
        continue;
      }
      count *= n;
      if (n == 1) continue;
      if (reduced > 0 && stride[reduced - 1] == n * s) {
        dim[reduced - 1] *= n;
        stride[reduced - 1] = s;
      } else {
        dim[reduced] = n;
        stride[reduced++] = s;
      }
    }
  }

  // Offset of the first element that output `o` is made of.
  int64_t base(int64_t o) const {
    int64_t at = 0;
    for (int d = kept - 1; d >= 0; --d) {
      at += o % keptDim[d] * keptStride[d];
      o /= keptDim[d];
    }
    return at;
  }

  // How many outputs from `o` on have their elements side by side in memory, up to output `end`.
  int64_t neighbours(int64_t o, int64_t end) const {
    if (kept == 0 || keptStride[kept - 1] != 1) return 1;
    const int64_t row = keptDim[kept - 1] - o % keptDim[kept - 1];
    return row < end - o ? row : end - o;
  }

  // f(p, n, stride): runs of elements in row-major order.
  template <class T, class F>
  void each(const T* p, F f) const {
    if (count == 0) return;
    if (reduced == 0) return f(p, 1, 1);
    const int last = reduced - 1;
    int64_t index[kMaxDims] = {};
    for (;;) {
      f(p, dim[last], stride[last]);
      int d = last - 1;
      for (; d >= 0; --d) {
        p += stride[d];
        if (++index[d] < dim[d]) break;
        p -= stride[d] * dim[d];
        index[d] = 0;
      }
      if (d < 0) return;
    }
  }
};

constexpr int kNeighbours = 32;  // outputs at a time whose elements lie side by side: whole cache lines are read once

// y[o] = finish(what Accumulate makes of all elements of o). Each output is made alone, whatever its neighbours.
template <class R, class Accumulate, class F>
static void reduce(const Args& a, const Worker& w, Accumulate accumulate, F finish) {
  using T = typename Accumulate::Element;
  const Split split(a.in[0], unsigned(a.attrs[0]));
  R* y = a.out[0].as<R>();
  int64_t b, e;
  w.range(a.out[0].size, 1, &b, &e);
  for (int64_t o = b; o < e;) {
    const T* p = a.in[0].as<T>() + split.base(o);
    typename Accumulate::Result result[kNeighbours];
    const bool wide = split.neighbours(o, e) >= kNeighbours;
    if (wide) accumulate.template run<kNeighbours>(p, split, result);
    else accumulate.template run<1>(p, split, result);
    for (int c = 0; c < (wide ? kNeighbours : 1); ++c) y[o++] = finish(result[c], split.count);
  }
}

// Sums in 16 lanes (element j in lane j mod 16) and the fold 8, 4, 2, 1; A is double or int64_t.
template <class T, class A>
struct Sum {
  using Element = T;
  using Result = A;
  template <int N>
  void run(const T* p, const Split& split, A* result) const {
    A lane[kLanes][N] = {};
    int64_t j = 0;
    split.each(p, [&](const T* q, int64_t n, int64_t stride) {
      int64_t i = 0;
      if (N == 1 && stride == 1 && j % kLanes == 0)
        for (; i + kLanes <= n; i += kLanes)
          for (int l = 0; l < kLanes; ++l) lane[l][0] += A(q[i + l]);
      for (; i < n; ++i)
        for (int c = 0; c < N; ++c) lane[(j + i) % kLanes][c] += A(q[i * stride + c]);
      j += n;
    });
    for (int width = 8; width >= 1; width /= 2)
      for (int l = 0; l < width; ++l)
        for (int c = 0; c < N; ++c) lane[l][c] += lane[l + width][c];
    for (int c = 0; c < N; ++c) result[c] = lane[0][c];
  }
};

// One element after the other: acc = f(acc, x).
template <class T, class A, class F>
struct Fold {
  using Element = T;
  using Result = A;
  A first;
  F f;
  template <int N>
  void run(const T* p, const Split& split, A* result) const {
    A acc[N];
    for (int c = 0; c < N; ++c) acc[c] = first;
    split.each(p, [&](const T* q, int64_t n, int64_t stride) {
      for (int64_t i = 0; i < n; ++i)
        for (int c = 0; c < N; ++c) acc[c] = f(acc[c], q[i * stride + c]);
    });
    for (int c = 0; c < N; ++c) result[c] = acc[c];
  }
};

template <class R, class T, class A, class F>
static void foldAll(const Args& a, const Worker& w, A first, F f) {
  reduce<R>(a, w, Fold<T, A, F>{first, f}, [](A acc, int64_t) {
    if constexpr (std::is_same_v<R, float>) return canon(float(acc));
    else return R(acc);
  });
}

static void sum(const Args& a, const Worker& w) {
  if (a.in[0].dtype == DType::f32) return reduce<float>(a, w, Sum<float, double>(), [](double v, int64_t) { return canon(float(v)); });
  reduce<int32_t>(a, w, Sum<int32_t, int64_t>(), [](int64_t v, int64_t) { return int32_t(uint32_t(uint64_t(v))); });
}

static void mean(const Args& a, const Worker& w) {
  if (a.in[0].dtype == DType::f32)
    return reduce<float>(a, w, Sum<float, double>(), [](double v, int64_t count) { return canon(float(v / double(count))); });
  reduce<float>(a, w, Sum<int32_t, int64_t>(), [](int64_t v, int64_t count) { return canon(float(double(v) / double(count))); });
}

static void prod(const Args& a, const Worker& w) {
  if (a.in[0].dtype == DType::f32) return foldAll<float, float>(a, w, 1.0, [](double acc, float x) { return acc * double(x); });
  foldAll<int32_t, int32_t>(a, w, uint32_t(1), [](uint32_t acc, int32_t x) { return acc * uint32_t(x); });
}

#define ROTOR_EXTREME(name, pick, first, lowest)                                                                                      \
  static void name(const Args& a, const Worker& w) {                                                                                  \
    if (a.in[0].dtype == DType::f32) return foldAll<float, float>(a, w, first, [](float acc, float x) { return pick##Of(acc, x); }); \
    foldAll<int32_t, int32_t>(a, w, lowest, [](int32_t acc, int32_t x) { return pick##Of(acc, x); });                                \
  }
ROTOR_EXTREME(max, maximum, -HUGE_VALF, int32_t(-2147483647 - 1))
ROTOR_EXTREME(min, minimum, HUGE_VALF, int32_t(2147483647))

static void any(const Args& a, const Worker& w) {
  foldAll<uint8_t, uint8_t>(a, w, uint8_t(0), [](uint8_t acc, uint8_t x) { return uint8_t(acc | (x != 0)); });
}
static void all(const Args& a, const Worker& w) {
  foldAll<uint8_t, uint8_t>(a, w, uint8_t(1), [](uint8_t acc, uint8_t x) { return uint8_t(acc & (x != 0)); });
}

// N neighbouring cumulative sums of `n` elements, read and written at these strides.
template <class A, int N, class T, class F>
static void runningSums(const T* p, int64_t stride, int64_t n, T* y, int64_t step, F store) {
  A acc[N] = {};
  for (int64_t i = 0; i < n; ++i)
    for (int c = 0; c < N; ++c) {
      acc[c] += A(p[i * stride + c]);
      y[i * step + c] = store(acc[c]);
    }
}

// y[.., i, ..] = x[.., 0, ..] + … + x[.., i, ..] along one dimension, accumulated in A.
template <class T, class A, class F>
static void cumsumAs(const Args& a, const Worker& w, F store) {
  const View& x = a.in[0];
  const int dim = int(a.attrs[0]);
  const int64_t n = x.dims[dim], stride = x.strides[dim];
  if (x.size == 0) return;
  int64_t inner = 1;
  for (int d = dim + 1; d < x.ndim; ++d) inner *= x.dims[d];
  const Split split(x, 1u << dim);
  int64_t b, e;
  w.range(x.size / n, 1, &b, &e);
  for (int64_t r = b; r < e;) {
    const T* p = x.as<T>() + split.base(r);
    T* y = a.out[0].as<T>() + r / inner * n * inner + r % inner;
    const bool wide = dim < x.ndim - 1 && split.neighbours(r, e) >= kNeighbours;
    if (wide) runningSums<A, kNeighbours>(p, stride, n, y, inner, store);
    else runningSums<A, 1>(p, stride, n, y, inner, store);
    r += wide ? kNeighbours : 1;
  }
}

static void cumsum(const Args& a, const Worker& w) {
  if (a.in[0].dtype == DType::f32) return cumsumAs<float, double>(a, w, [](double v) { return canon(float(v)); });
  cumsumAs<int32_t, uint32_t>(a, w, [](uint32_t v) { return int32_t(v); });
}

}  // namespace ROTOR_TARGET
}  // namespace rotor
