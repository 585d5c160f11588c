// Ternary matrices: from a checkpoint to canonical planes, into the target's packed order, back, and the product.

namespace rotor {
namespace ROTOR_TARGET {

// Bit j of every byte of 32 (bit 2i of the HF byte) as a 32-bit mask per shift; plain C++ handles what is left of a row.
static inline uint32_t illegalCodes(uint8_t v) { return uint32_t(__builtin_popcount(v & (v >> 1) & 0x55)); }

static void ternary_from_hf(const Args& a, const Worker& w) {
  const int64_t quarter = a.in[0].dims[0], k = a.in[0].dims[1], bytes = planeBytes(k);
  const uint8_t* in = a.in[0].as<uint8_t>();
  uint8_t* zero = a.out[0].as<uint8_t>();
  uint8_t* plus = zero + 4 * quarter * bytes;
  int32_t* bad = a.out[1].as<int32_t>();
  if (w.index == 0) *bad = 0;
  w.sync();
  uint32_t illegal = 0;
  int64_t b, e;
  w.range(quarter, 1, &b, &e);
  for (int64_t r = b; r < e; ++r) {
    const uint8_t* p = in + r * k;
    int64_t c = 0;
#ifdef ROTOR_AVX2
    const __m256i low = _mm256_set1_epi8(0x55);
    for (; c + 32 <= k; c += 32) {
      const __m256i v = _mm256_loadu_si256((const __m256i*)(p + c));
      const __m256i three = _mm256_and_si256(_mm256_and_si256(v, _mm256_srli_epi16(v, 1)), low);
      if (!_mm256_testz_si256(three, three))
        for (int j = 0; j < 32; ++j) illegal += illegalCodes(p[c + j]);
      for (int i = 0; i < 4; ++i) {
        const int64_t at = (i * quarter + r) * bytes + c / 8;
        const uint32_t z = uint32_t(_mm256_movemask_epi8(_mm256_sll_epi16(v, _mm_cvtsi32_si128(7 - 2 * i))));
        const uint32_t o = uint32_t(_mm256_movemask_epi8(_mm256_sll_epi16(v, _mm_cvtsi32_si128(6 - 2 * i))));
        memcpy(zero + at, &z, 4);
        memcpy(plus + at, &o, 4);
      }
    }
#endif
    for (; c < k; c += 8)
      for (int i = 0; i < 4; ++i) {
        uint8_t z = 0, o = 0;
        for (int j = 0; j < 8; ++j) {
          const int code = c + j < k ? p[c + j] >> (2 * i) & 3 : 1;
          z |= uint8_t((code & 1) << j);
          o |= uint8_t((code >> 1) << j);
          illegal += code == 3;
        }
        zero[(i * quarter + r) * bytes + c / 8] = z;
        plus[(i * quarter + r) * bytes + c / 8] = o;
      }
  }
  if (illegal) __atomic_fetch_add(bad, int32_t(illegal), __ATOMIC_RELAXED);
}

static inline double widen(float v) { return double(v); }
static inline double widen(uint16_t v) { return double(bf16_f32(v)); }

template <class T>
static void fromFloat(const Args& a, const Worker& w) {
  const int64_t rows = a.in[0].dims[0], k = a.in[0].dims[1], bytes = planeBytes(k);
  const T* in = a.in[0].as<T>();
  double* sums = reinterpret_cast<double*>(a.scratch);
  int64_t b, e;
  w.range(rows, 1, &b, &e);
  for (int64_t r = b; r < e; ++r) {
    double lanes[8] = {};  // one fixed order whatever the target
    for (int64_t c = 0; c < k; ++c) lanes[c % 8] += __builtin_fabs(widen(in[r * k + c]));
    for (int n = 4; n >= 1; n /= 2)
      for (int i = 0; i < n; ++i) lanes[i] += lanes[i + n];
    sums[r] = lanes[0];
  }
  w.sync();
  double mean = 0;
  for (int64_t r = 0; r < rows; ++r) mean += sums[r];
  if (rows * k > 0) mean /= double(rows * k);
  if (mean < 1e-5) mean = 1e-5;
  const double inverse = 1.0 / mean;
  if (w.index == 0) *a.out[1].as<float>() = float(mean);
  uint8_t* zero = a.out[0].as<uint8_t>();
  uint8_t* plus = zero + rows * bytes;
  for (int64_t r = b; r < e; ++r)
    for (int64_t c = 0; c < k; c += 8) {
      uint8_t z = 0, o = 0;
      for (int j = 0; j < 8; ++j) {
        const double v = c + j < k ? __builtin_nearbyint(widen(in[r * k + c + j]) * inverse) : 0.0;
        o |= uint8_t((v >= 1.0) << j);
        z |= uint8_t((!(v >= 1.0) && !(v <= -1.0)) << j);  // NaN becomes 0; the scale is NaN then
      }
      zero[r * bytes + c / 8] = z;
      plus[r * bytes + c / 8] = o;
    }
}

static void ternary_from_float(const Args& a, const Worker& w) {
  if (a.in[0].dtype == DType::bf16) return fromFloat<uint16_t>(a, w);
  fromFloat<float>(a, w);
}

static void ternary_pack_(const Args& a, const Worker& w) {
  const int64_t rows = int64_t(a.attrs[0]), cols = int64_t(a.attrs[1]), first = int64_t(a.attrs[2]);
  const int64_t n = a.in[1].dims[1], bytes = planeBytes(cols);
  uint8_t* packed = a.in[0].as<uint8_t>();
  const uint8_t* zero = a.in[1].as<uint8_t>();
  const uint8_t* plus = zero + n * bytes;
  int64_t b, e;
  w.range(n, 32, &b, &e);
  for (int64_t r = b; r < e; ++r)
    for (int64_t i = 0; i < bytes; ++i) {
      // Columns beyond the last are zeros, and a weight that is both 0 and +1 is 0, whatever the caller wrote.
      const uint8_t pad = i == bytes - 1 && cols % 8 != 0 ? uint8_t(0xff << (cols % 8)) : uint8_t(0);
      const uint8_t z = uint8_t(zero[r * bytes + i] | pad);
      setBits(packed, rows, cols, first + r, i, {z, uint8_t(plus[r * bytes + i] & ~z)});
    }
}

static void ternary_unpack(const Args& a, const Worker& w) {
  const int64_t rows = int64_t(a.attrs[0]), cols = int64_t(a.attrs[1]), first = int64_t(a.attrs[2]), n = int64_t(a.attrs[3]);
  const uint8_t* packed = a.in[0].as<uint8_t>();
  int8_t* out = a.out[0].as<int8_t>();
  int64_t b, e;
  w.range(n, 32, &b, &e);
  for (int64_t r = b; r < e; ++r)
    for (int64_t c = 0; c < cols; c += 8) {
      const Bits bits = getBits(packed, rows, cols, first + r, c / 8);
      for (int64_t j = 0; j < 8 && c + j < cols; ++j) out[r * cols + c + j] = int8_t((bits.zero >> j & 1) + 2 * (bits.plus >> j & 1) - 1);
    }
}

static void ternary_counts(const Args& a, const Worker& w) {
  const int64_t rows = int64_t(a.attrs[0]), cols = int64_t(a.attrs[1]), bytes = planeBytes(cols);
  const uint8_t* packed = a.in[0].as<uint8_t>();
  int32_t* out = a.out[0].as<int32_t>();
  int64_t b, e;
  w.range(rows, 32, &b, &e);
  for (int64_t r = b; r < e; ++r) {
    int32_t zeros = 0, ones = 0;
    for (int64_t i = 0; i < bytes; ++i) {
      const Bits bits = getBits(packed, rows, cols, r, i);
      zeros += __builtin_popcount(bits.zero);
      ones += __builtin_popcount(bits.plus);
    }
    zeros -= int32_t(bytes * 8 - cols);  // the padding bits
    out[3 * r] = int32_t(cols) - zeros - ones;
    out[3 * r + 1] = zeros;
    out[3 * r + 2] = ones;
  }
}

// y = sum * (rowScale / scale), rounded once to float32.
static inline void rescaleRun(const int32_t* sums, int64_t n, const float* rowScale, float scale, float* y) {
  const double s = double(scale);
  for (int64_t i = 0; i < n; ++i) y[i] = float(double(sums[i]) * (double(rowScale[i]) / s));
}

static void ternary_matmul(const Args& a, const Worker& w) {
  const int64_t rows = int64_t(a.attrs[0]), cols = int64_t(a.attrs[1]);
  const float* scale = a.in[1].as<float>();
  const float* rowScale = a.in[3].as<float>();
  auto emit = [&](int64_t t, int64_t r, int64_t count, const int32_t* sums) {
    int64_t begin = 0;  // rows of the matrix before output i
    for (int i = 0; i < a.nOut && count > 0; ++i) {
      const int64_t n = a.out[i].dims[1];
      if (r < begin + n) {
        const int64_t run = count < begin + n - r ? count : begin + n - r;
        rescaleRun(sums, run, rowScale + r, scale[t], a.out[i].as<float>() + t * n + r - begin);
        r += run;
        sums += run;
        count -= run;
      }
      begin += n;
    }
  };
  ternaryProduct(a, w, a.in[0].as<int8_t>(), a.in[0].dims[0], a.in[2].as<uint8_t>(), rows, cols, emit);
}

static void ternary_matmul_i32(const Args& a, const Worker& w) {
  const int64_t rows = int64_t(a.attrs[0]), cols = int64_t(a.attrs[1]);
  int32_t* y = a.out[0].as<int32_t>();
  auto emit = [&](int64_t t, int64_t r, int64_t count, const int32_t* sums) { memcpy(y + t * rows + r, sums, size_t(count) * 4); };
  ternaryProduct(a, w, a.in[0].as<int8_t>(), a.in[0].dims[0], a.in[1].as<uint8_t>(), rows, cols, emit);
}

static void rescale(const Args& a, const Worker& w) {
  const int64_t n = a.in[0].dims[1];
  int64_t b, e;
  w.range(a.in[0].dims[0], 1, &b, &e);
  for (; b < e; ++b) rescaleRun(a.in[0].as<int32_t>() + b * n, n, a.in[2].as<float>(), a.in[1].as<float>()[b], a.out[0].as<float>() + b * n);
}

}  // namespace ROTOR_TARGET
}  // namespace rotor
