// Packed order and product of the scalar target: the canonical planes, read bit by bit.

namespace rotor {
namespace ROTOR_TARGET {

static int64_t ternaryBytes(int64_t rows, int64_t cols) { return 2 * rows * planeBytes(cols); }

// Eight weights of a row, from column 8 * b, as bits of the two planes.
struct Bits {
  uint8_t zero, plus;
};

static inline Bits getBits(const uint8_t* packed, int64_t rows, int64_t cols, int64_t r, int64_t b) {
  const int64_t at = r * planeBytes(cols) + b;
  return {packed[at], packed[rows * planeBytes(cols) + at]};
}
static inline void setBits(uint8_t* packed, int64_t rows, int64_t cols, int64_t r, int64_t b, Bits bits) {
  const int64_t at = r * planeBytes(cols) + b;
  packed[at] = bits.zero;
  packed[rows * planeBytes(cols) + at] = bits.plus;
}

// Calls emit(t, firstRow, count, sums) for row t of the activations and each run of output rows of this worker.
template <class Emit>
static void ternaryProduct(const Args&, const Worker& w, const int8_t* x, int64_t tokens, const uint8_t* packed, int64_t rows, int64_t cols, Emit emit) {
  int64_t b, e;
  w.range(rows, 1, &b, &e);
  for (int64_t t = 0; t < tokens; ++t)
    for (int64_t r = b; r < e; ++r) {
      int32_t sum = 0;
      for (int64_t k = 0; k < cols; ++k) {
        const Bits bits = getBits(packed, rows, cols, r, k / 8);
        const int weight = (bits.zero >> (k % 8) & 1) + 2 * (bits.plus >> (k % 8) & 1) - 1;
        sum += weight * x[t * cols + k];
      }
      emit(t, r, 1, &sum);
    }
}

}  // namespace ROTOR_TARGET
}  // namespace rotor
