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

// y[o] = finish(all elements of o)
template <class T, class R, class F>
static void reduce(const Args& a, const Worker& w, F f) {
  const Split split(a.in[0], unsigned(a.attrs[0]));
  int64_t b, e;
  w.range(a.out[0].size, 1, &b, &e);
  for (int64_t o = b; o < e; ++o) a.out[0].as<R>()[o] = f(a.in[0].as<T>() + split.base(o), split);
}

// Sum in 16 lanes (element j in lane j mod 16) and the fold 8, 4, 2, 1; A is double or int64_t.
template <class A, class T>
static A sumOf(const T* p, const Split& split) {
  A lane[kLanes] = {};
  int64_t j = 0;
  split.each(p, [&](const T* q, int64_t n, int64_t stride) {
    int64_t i = 0;
    if (stride == 1 && j % kLanes == 0)
      for (; i + kLanes <= n; i += kLanes)
        for (int l = 0; l < kLanes; ++l) lane[l] += A(q[i + l]);
    for (; i < n; ++i) lane[(j + i) % kLanes] += A(q[i * stride]);
    j += n;
  });
  for (int width = 8; width >= 1; width /= 2)
    for (int l = 0; l < width; ++l) lane[l] += lane[l + width];
  return lane[0];
}

// One element after the other: acc = f(acc, x).
template <class A, class T, class F>
static A foldOf(const T* p, const Split& split, A acc, F f) {
  split.each(p, [&](const T* q, int64_t n, int64_t stride) {
    for (int64_t i = 0; i < n; ++i) acc = f(acc, q[i * stride]);
  });
  return acc;
}

static void sum(const Args& a, const Worker& w) {
  if (a.in[0].dtype == DType::f32)
    return reduce<float, float>(a, w, [](const float* p, const Split& s) { return canon(float(sumOf<double>(p, s))); });
  reduce<int32_t, int32_t>(a, w, [](const int32_t* p, const Split& s) { return int32_t(uint32_t(uint64_t(sumOf<int64_t>(p, s)))); });
}

static void mean(const Args& a, const Worker& w) {
  if (a.in[0].dtype == DType::f32)
    return reduce<float, float>(a, w, [](const float* p, const Split& s) { return canon(float(sumOf<double>(p, s) / double(s.count))); });
  reduce<int32_t, float>(a, w, [](const int32_t* p, const Split& s) { return canon(float(double(sumOf<int64_t>(p, s)) / double(s.count))); });
}

static void prod(const Args& a, const Worker& w) {
  if (a.in[0].dtype == DType::f32)
    return reduce<float, float>(a, w, [](const float* p, const Split& s) {
      return canon(float(foldOf(p, s, 1.0, [](double acc, float x) { return acc * double(x); })));
    });
  reduce<int32_t, int32_t>(a, w, [](const int32_t* p, const Split& s) {
    return int32_t(foldOf(p, s, uint32_t(1), [](uint32_t acc, int32_t x) { return acc * uint32_t(x); }));
  });
}

#define ROTOR_EXTREME(name, pick, first, lowest)                                                           \
  static void name(const Args& a, const Worker& w) {                                                       \
    if (a.in[0].dtype == DType::f32)                                                                       \
      return reduce<float, float>(a, w, [](const float* p, const Split& s) {                               \
        return canon(foldOf(p, s, first, [](float acc, float x) { return pick##Of(acc, x); }));            \
      });                                                                                                  \
    reduce<int32_t, int32_t>(a, w, [](const int32_t* p, const Split& s) {                                  \
      return foldOf(p, s, lowest, [](int32_t acc, int32_t x) { return pick##Of(acc, x); });                \
    });                                                                                                    \
  }
static inline int32_t maximumOf(int32_t x, int32_t z) { return x > z ? x : z; }
static inline int32_t minimumOf(int32_t x, int32_t z) { return x < z ? x : z; }
ROTOR_EXTREME(max, maximum, -HUGE_VALF, int32_t(-2147483647 - 1))
ROTOR_EXTREME(min, minimum, HUGE_VALF, int32_t(2147483647))

static void any(const Args& a, const Worker& w) {
  reduce<uint8_t, uint8_t>(a, w, [](const uint8_t* p, const Split& s) {
    return foldOf(p, s, uint8_t(0), [](uint8_t acc, uint8_t x) { return uint8_t(acc | (x != 0)); });
  });
}
static void all(const Args& a, const Worker& w) {
  reduce<uint8_t, uint8_t>(a, w, [](const uint8_t* p, const Split& s) {
    return foldOf(p, s, uint8_t(1), [](uint8_t acc, uint8_t x) { return uint8_t(acc & (x != 0)); });
  });
}

// y[.., i, ..] = x[.., 0, ..] + … + x[.., i, ..] along one dimension, accumulated in A.
template <class T, class A, class F>
static void cumsumAs(const Args& a, const Worker& w, F store) {
  const View& x = a.in[0];
  const int dim = int(a.attrs[0]);
  const int64_t n = x.dims[dim];
  if (x.size == 0) return;
  int64_t inner = 1;
  for (int d = dim + 1; d < x.ndim; ++d) inner *= x.dims[d];
  const Split split(x, 1u << dim);
  int64_t b, e;
  w.range(x.size / n, 1, &b, &e);
  for (int64_t r = b; r < e; ++r) {
    const T* p = x.as<T>() + split.base(r);
    T* y = a.out[0].as<T>() + r / inner * n * inner + r % inner;
    A acc = 0;
    for (int64_t i = 0; i < n; ++i) {
      acc += A(p[i * x.strides[dim]]);
      y[i * inner] = store(acc);
    }
  }
}

static void cumsum(const Args& a, const Worker& w) {
  if (a.in[0].dtype == DType::f32) return cumsumAs<float, double>(a, w, [](double v) { return canon(float(v)); });
  cumsumAs<int32_t, uint32_t>(a, w, [](uint32_t v) { return int32_t(v); });
}

}  // namespace ROTOR_TARGET
}  // namespace rotor
