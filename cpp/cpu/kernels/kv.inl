// The cache of keys and values [slots, kv heads, positions, E]: float32, binary16, or int8 codes with one scale a position and head.

namespace rotor {
namespace ROTOR_TARGET {

// Element types of a cache: sixteen of them, or the first n of sixteen and zeros, as floats.
struct CacheF32 {
  using Raw = float;
  static f32x16 load(const float* p) { return f32x16::load(p); }
  static f32x16 load(const float* p, int64_t n) { return load_n(p, n, 0.0f); }
};
struct CacheF16 {
  using Raw = uint16_t;
  static f32x16 load(const uint16_t* p) { return f32x16::load_f16(p); }
  static f32x16 load(const uint16_t* p, int64_t n) {
    uint16_t t[kLanes] = {};
    for (int i = 0; i < n; ++i) t[i] = p[i];
    return f32x16::load_f16(t);
  }
};
struct CacheI8 {
  using Raw = int8_t;
  static f32x16 load(const int8_t* p) { return f32x16::load_i8(p); }
  static f32x16 load(const int8_t* p, int64_t n) {
    int8_t t[kLanes] = {};
    for (int i = 0; i < n; ++i) t[i] = p[i];
    return f32x16::load_i8(t);
  }
};

template <class F>
static void withCache(const View& cache, F f) {
  switch (cache.dtype) {
    case DType::f32:
      return f(CacheF32{});
    case DType::f16:
      return f(CacheF16{});
    default:
      return f(CacheI8{});
  }
}

// Elements of one kv head of one slot.
template <class C>
struct CacheHead {
  const typename C::Raw* data;  // [positions, E]
  const float* scales;          // [positions], or null

  CacheHead(const View& cache, const View& scales, int64_t slot, int64_t g)
      : data(cache.as<typename C::Raw>() + (slot * cache.dims[1] + g) * cache.dims[2] * cache.dims[3]),
        scales(scales.data ? scales.as<float>() + (slot * cache.dims[1] + g) * cache.dims[2] : nullptr) {}
};

// The scales of a call, as the last inputs: none for a float cache.
static inline View scalesOf(const Args& a, int i) { return i < a.nIn ? a.in[i] : View(); }

// Whether row t is active: position and slot inside the cache. An idle row (position -1) is no fault.
static bool attends(const Args& a, const View& cache, int32_t slot, int32_t pos) {
  if (pos == -1) return false;
  if (pos < 0 || pos >= cache.dims[2]) {
    a.fault->raise(pos, cache.dims[2]);
    return false;
  }
  if (slot < 0 || slot >= cache.dims[0]) {
    a.fault->raise(slot, cache.dims[0]);
    return false;
  }
  return true;
}

// What binary16 cannot hold is a fault, and leaves NaN, so that all that reads it is NaN: rows beside it can go on.
static void storeF16(const Args& a, const float* x, int64_t n, uint16_t* y) {
  bool over = false;  // finite, and beyond what binary16 holds
  for (int64_t i = 0; i < n; ++i) {
    const uint32_t u = f32_bits(x[i]) & 0x7fffffffu;
    over |= u >= 0x477ff000u && u < 0x7f800000u;  // 65520
  }
  if (over) {
    for (int64_t i = 0; i < n; ++i) y[i] = 0x7e00;
    return a.fault->raiseRange();
  }
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) f32x16::load(x + i).store_f16(y + i);
  for (; i < n; ++i) y[i] = f32_f16(x[i]);
}

// A row with a NaN or an infinity gets codes 0 and scale NaN, so that all that reads it is NaN.
static void storeI8(const float* x, int64_t n, int8_t* y, float* scale) {
  uint32_t top = 0;  // |x| as bits: ordered like the values, and NaN is above infinity
  for (int64_t i = 0; i < n; ++i) {
    const uint32_t u = f32_bits(x[i]) & 0x7fffffffu;
    top = u > top ? u : top;
  }
  if (top >= 0x7f800000u || top == 0) {
    for (int64_t i = 0; i < n; ++i) y[i] = 0;
    *scale = top == 0 ? 0.0f : bits_f32(0x7fc00000u);
    return;
  }
  const double m = bits_f32(top), inverse = 127.0 / m, whole = 6755399441055744.0;  // 1.5 * 2^52: adding it rounds, ties to even
  for (int64_t i = 0; i < n; ++i) y[i] = int8_t(int32_t(double(x[i]) * inverse + whole - whole));
  *scale = float(m / 127.0);
}

// Rows in order, each worker its heads: of two rows at one position the later wins.
static void kv_append_(const Args& a, const Worker& w) {
  const View &cache = a.in[0], &x = a.in[1], scales = scalesOf(a, 4);
  const int32_t *slots = a.in[2].as<int32_t>(), *pos = a.in[3].as<int32_t>();
  const int64_t heads = cache.dims[1], positions = cache.dims[2], size = cache.dims[3];
  int64_t b, e;
  w.range(heads, 1, &b, &e);
  for (int64_t t = 0; t < x.dims[0]; ++t) {
    if (!attends(a, cache, slots[t], pos[t])) continue;
    for (int64_t h = b; h < e; ++h) {
      const float* from = x.as<float>() + (t * heads + h) * size;
      const int64_t at = (slots[t] * heads + h) * positions + pos[t];
      if (cache.dtype == DType::f32) memmove(cache.as<float>() + at * size, from, size_t(size) * sizeof(float));
      else if (cache.dtype == DType::f16) storeF16(a, from, size, cache.as<uint16_t>() + at * size);
      else storeI8(from, size, cache.as<int8_t>() + at * size, scales.as<float>() + at);
    }
  }
}

}  // namespace ROTOR_TARGET
}  // namespace rotor
