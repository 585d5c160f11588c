// Ops that compare elements: argmax, sort, topk, counting.
#include <type_traits>

namespace rotor {
namespace ROTOR_TARGET {

// Integers in the order of the values; -0 equals 0, every NaN is the largest.
static inline int32_t order_key(float v) {
  if (v != v) return INT32_MAX;
  const uint32_t u = f32_bits(v);
  return u >> 31 ? -int32_t(u & 0x7fffffffu) : int32_t(u);
}
static inline int32_t order_key(int32_t v) { return v; }
static inline int32_t order_key(int8_t v) { return v; }
static inline int32_t order_key(uint8_t v) { return v; }

// Calls f with a null pointer of the element type.
template <class F>
static inline void with_type(DType t, F f) {
  switch (t) {
    case DType::f32:
      return f(static_cast<const float*>(nullptr));
    case DType::i32:
      return f(static_cast<const int32_t*>(nullptr));
    case DType::i8:
      return f(static_cast<const int8_t*>(nullptr));
    default:
      return f(static_cast<const uint8_t*>(nullptr));
  }
}

// The lowest index of the largest element (the smallest when `sign` is -1); NaN wins over everything.
template <class T>
static void arg_best(const Args& a, const Worker& w, bool smallest) {
  int64_t outer, n, inner, b, e;
  split_at(a.in[0], int(a.attrs[0]), &outer, &n, &inner);
  w.range(outer * inner, 16, &b, &e);
  for (int64_t i = b; i < e; ++i) {
    const T* x = a.in[0].as<T>() + i / inner * n * inner + i % inner;
    int64_t best = 0;
    T value = x[0];
    for (int64_t j = 1; j < n && value == value; ++j) {
      const T v = x[j * inner];
      if (v != v || (smallest ? v < value : v > value)) {
        value = v;
        best = j;
      }
    }
    a.out[0].as<int32_t>()[i] = int32_t(best);
  }
}

static void argmax(const Args& a, const Worker& w) {
  with_type(a.in[0].dtype, [&](auto* p) { arg_best<std::remove_cv_t<std::remove_pointer_t<decltype(p)>>>(a, w, false); });
}
static void argmin(const Args& a, const Worker& w) {
  with_type(a.in[0].dtype, [&](auto* p) { arg_best<std::remove_cv_t<std::remove_pointer_t<decltype(p)>>>(a, w, true); });
}

// Sorts the indices 0..n-1 of a row by key, ties by index: merges runs of 1, 2, 4, … between `to` and `spare`.
template <class T>
static void sort_row(const T* x, int32_t flip, int64_t n, int32_t* to, int32_t* spare) {
  int32_t *from = to, *into = spare;
  for (int64_t i = 0; i < n; ++i) from[i] = int32_t(i);
  for (int64_t run = 1; run < n; run *= 2) {
    for (int64_t start = 0; start < n; start += 2 * run) {
      const int64_t mid = start + run < n ? start + run : n, end = mid + run < n ? mid + run : n;
      int64_t i = start, j = mid;
      for (int64_t k = start; k < end; ++k) {
        const bool left = j >= end || (i < mid && (order_key(x[from[i]]) ^ flip) <= (order_key(x[from[j]]) ^ flip));
        into[k] = left ? from[i++] : from[j++];
      }
    }
    int32_t* t = from;
    from = into;
    into = t;
  }
  if (from != to) memcpy(to, from, size_t(n) * sizeof(int32_t));
}

static void sort(const Args& a, const Worker& w) {
  const int64_t n = a.in[0].last(0), rows = n == 0 ? 0 : a.in[0].size / n;
  const int32_t flip = a.attrs[0] != 0 ? -1 : 0;  // ^ -1 turns the order of keys around
  int64_t b, e;
  w.range(rows, 1, &b, &e);
  with_type(a.in[0].dtype, [&](auto* p) {
    using T = std::remove_cv_t<std::remove_pointer_t<decltype(p)>>;
    for (int64_t r = b; r < e; ++r) {
      const T* x = a.in[0].as<T>() + r * n;
      int32_t* ids = a.out[1].as<int32_t>() + r * n;
      sort_row(x, flip, n, ids, reinterpret_cast<int32_t*>(a.scratch) + r * n);
      for (int64_t i = 0; i < n; ++i) a.out[0].as<T>()[r * n + i] = x[ids[i]];
    }
  });
}

// The k first indices in the order of (key, index), kept as a heap whose root is the last of them.
template <class T>
static void topk_row(const T* x, int32_t flip, int64_t n, int64_t k, int32_t* heap) {
  const auto after = [&](int32_t p, int32_t q) {
    const int32_t kp = order_key(x[p]) ^ flip, kq = order_key(x[q]) ^ flip;
    return kp > kq || (kp == kq && p > q);
  };
  const auto sink = [&](int64_t i, int64_t size) {
    const int32_t id = heap[i];
    for (int64_t c = 2 * i + 1; c < size; c = 2 * i + 1) {
      if (c + 1 < size && after(heap[c + 1], heap[c])) ++c;
      if (!after(heap[c], id)) break;
      heap[i] = heap[c];
      i = c;
    }
    heap[i] = id;
  };
  for (int64_t i = 0; i < k; ++i) heap[i] = int32_t(i);
  for (int64_t i = k / 2 - 1; i >= 0; --i) sink(i, k);
  for (int64_t i = k; i < n && k > 0; ++i) {
    if (after(int32_t(i), heap[0])) continue;
    heap[0] = int32_t(i);
    sink(0, k);
  }
  for (int64_t size = k - 1; size > 0; --size) {
    const int32_t last = heap[0];
    heap[0] = heap[size];
    heap[size] = last;
    sink(0, size);
  }
}

static void topk(const Args& a, const Worker& w) {
  const int64_t n = a.in[0].last(0), rows = n == 0 ? 0 : a.in[0].size / n, k = int64_t(a.attrs[0]);
  const int32_t flip = a.attrs[1] != 0 ? -1 : 0;
  int64_t b, e;
  w.range(rows, 1, &b, &e);
  with_type(a.in[0].dtype, [&](auto* p) {
    using T = std::remove_cv_t<std::remove_pointer_t<decltype(p)>>;
    for (int64_t r = b; r < e; ++r) {
      const T* x = a.in[0].as<T>() + r * n;
      int32_t* ids = a.out[1].as<int32_t>() + r * k;
      topk_row(x, flip, n, k, ids);
      for (int64_t i = 0; i < k; ++i) a.out[0].as<T>()[r * k + i] = x[ids[i]];
    }
  });
}

static void bincount(const Args& a, const Worker&) {
  const int64_t bins = a.out[0].size;
  int32_t* y = a.out[0].as<int32_t>();
  memset(y, 0, size_t(bins) * sizeof(int32_t));
  for (int64_t i = 0; i < a.in[0].size; ++i) {
    const int64_t id = a.in[0].as<int32_t>()[i];
    if (id < 0 || id >= bins) a.fault->raise(id, bins);
    else ++y[id];
  }
}

static void histogram(const Args& a, const Worker&) {
  const int64_t bins = a.out[0].size;
  const double lo = a.attrs[1], hi = a.attrs[2];
  int32_t* y = a.out[0].as<int32_t>();
  memset(y, 0, size_t(bins) * sizeof(int32_t));
  for (int64_t i = 0; i < a.in[0].size; ++i) {
    const double v = double(a.in[0].as<float>()[i]);
    if (!(v >= lo && v <= hi)) continue;
    const int64_t bin = int64_t((v - lo) / (hi - lo) * double(bins));
    ++y[bin < bins ? bin : bins - 1];
  }
}

}  // namespace ROTOR_TARGET
}  // namespace rotor
