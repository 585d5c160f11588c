// mma.sync.m16n8k*: all lanes' fragments become plain matrices, are multiplied, and the sums go back. With g = lane / 4, t = lane % 4
// and e elements in a register, element i of
//   a[r] is row g + 8 (r % 2), column e (4 (r / 2) + t) + i
//   b[r] is row e (4 r + t) + i, column g
//   c[r] is row g + 8 (r / 2), column 2 t + r % 2
#include "run.h"
#include "ptx.h"

namespace rotor {
namespace cuda {
namespace sim {
namespace {

float halfToFloat(uint32_t h) {
  const uint32_t exponent = h >> 10 & 31u, fraction = h & 1023u;
  const float size = exponent == 0 ? ldexpf(float(fraction), -24) : exponent == 31 ? (fraction ? NAN : INFINITY) : ldexpf(float(1024 + fraction), int(exponent) - 25);
  return h & 0x8000u ? -size : size;
}

template <class T, int kBits, class A, class B>
struct Tile {
  static constexpr int kEach = 32 / kBits, kDepth = 8 * kEach;
  static uint32_t element(uint32_t word, int i) { return kBits == 32 ? word : word >> (i * kBits) & ((1u << kBits) - 1u); }

  static void combine(void* const* data, uint32_t mask) {
    if (mask != 0xffffffffu) return;
    static T a[16][kDepth], b[kDepth][8];
    for (int lane = 0; lane < 32; ++lane) {
      const Fragments& f = *static_cast<const Fragments*>(data[lane]);
      const int g = lane / 4, t = lane % 4;
      for (int r = 0; r < 4; ++r)
        for (int i = 0; i < kEach; ++i) a[g + 8 * (r % 2)][kEach * (4 * (r / 2) + t) + i] = A::read(element(f.a[r], i));
      for (int r = 0; r < 2; ++r)
        for (int i = 0; i < kEach; ++i) b[kEach * (4 * r + t) + i][g] = B::read(element(f.b[r], i));
    }
    for (int lane = 0; lane < 32; ++lane) {
      T* c = static_cast<T*>(static_cast<const Fragments*>(data[lane])->c);
      const int g = lane / 4, t = lane % 4;
      for (int r = 0; r < 4; ++r) {
        const int row = g + 8 * (r / 2), column = 2 * t + r % 2;
        c[r] = A::sum(c[r], [&](int k) { return a[row][k]; }, [&](int k) { return b[k][column]; }, kDepth);
      }
    }
  }
};

template <class T, class F, class G>
T wrapped(T c, F a, G b, int depth) {
  uint32_t sum = uint32_t(c);
  for (int k = 0; k < depth; ++k) sum += uint32_t(a(k) * b(k));
  return T(sum);
}

struct Unsigned8 {
  static int read(uint32_t v) { return int(v); }
  template <class F, class G>
  static int sum(int c, F a, G b, int depth) {
    return wrapped(c, a, b, depth);
  }
};
struct Signed8 : Unsigned8 {
  static int read(uint32_t v) { return int8_t(v); }
};
struct Half {
  static float read(uint32_t v) { return halfToFloat(v); }
  // The hardware's order of additions is not published: the exact sum, rounded once.
  template <class F, class G>
  static float sum(float c, F a, G b, int depth) {
    double sum = double(c);
    for (int k = 0; k < depth; ++k) sum += double(a(k)) * double(b(k));
    return float(sum);
  }
};

}  // namespace

void mma(Mma kind, Fragments mine, Where where) {
  switch (kind) {
    case Mma::u8s8:
      return meetWarp("mma.m16n8k32.u8.s8", 0xffffffffu, &mine, Tile<int, 8, Unsigned8, Signed8>::combine, where);
    case Mma::s8s8:
      return meetWarp("mma.m16n8k32.s8.s8", 0xffffffffu, &mine, Tile<int, 8, Signed8, Signed8>::combine, where);
    case Mma::b1:
      return meetWarp("mma.m16n8k256.b1.and.popc", 0xffffffffu, &mine, Tile<int, 1, Unsigned8, Unsigned8>::combine, where);
    case Mma::f16:
      return meetWarp("mma.m16n8k16.f16", 0xffffffffu, &mine, Tile<float, 16, Half, Half>::combine, where);
  }
}

}  // namespace sim
}  // namespace cuda
}  // namespace rotor
