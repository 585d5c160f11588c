// ternary_from_hf, ternary_from_float: stored weights to canonical planes; ternary_pack_, ternary_unpack, ternary_counts: planes to the
// device's tiles (cuda/layout.h), and back. Once per model.
// data:  reads  the stored weights or planes (HBM, once; float weights twice)     writes planes, or two words of 32 columns a thread
// map:   a thread for each byte of a plane, each word of a tile, or each unpacked weight; a warp for each row that is counted;
//        sums of float weights in the order of the CPU: 8 partial sums a row, then the rows one after the other in one thread
// bound: bytes = the weights, HBM-bound; measured: not taken
#include "../../cpp/ternary.h"
#include "../common.cuh"
#include "../layout.h"

namespace rotor {
namespace cuda {

int64_t ternaryBytes(int64_t rows, int64_t cols) { return rowTiles(rows) * colTiles(cols) * kTileBytes; }

namespace {

__global__ void clearCount(int* count) { *count = 0; }

// Byte `i` of row `r` of the four rows that byte row `r` of the checkpoint holds.
__global__ void fromHf(const uint8_t* in, int64_t quarter, int64_t cols, uint8_t* zero, int* illegal) {
  const int64_t bytes = planeBytes(cols);
  uint8_t* plus = zero + 4 * quarter * bytes;
  for (int64_t item = firstItem(); item < quarter * bytes; item += itemStep()) {
    const int64_t r = item / bytes, i = item % bytes;
    unsigned z[4] = {}, p[4] = {};
    int bad = 0;
    for (int j = 0; j < 8; ++j) {
      const unsigned v = 8 * i + j < cols ? in[r * cols + 8 * i + j] : 0x55u;
      for (int f = 0; f < 4; ++f) {
        const unsigned code = v >> (2 * f) & 3;
        z[f] |= (code & 1) << j;
        p[f] |= (code >> 1) << j;
        bad += code == 3;
      }
    }
    for (int f = 0; f < 4; ++f) {
      zero[(f * quarter + r) * bytes + i] = uint8_t(z[f]);
      plus[(f * quarter + r) * bytes + i] = uint8_t(p[f]);
    }
    if (bad) atomicAdd(illegal, bad);
  }
}

__device__ __forceinline__ double widen(float v) { return double(v); }
__device__ __forceinline__ double widen(uint16_t v) { return double(__uint_as_float(uint32_t(v) << 16)); }

// Sum of |w| of each row: column c goes to partial sum c % 8, eight lanes a row.
template <class T>
__global__ void rowMagnitudes(const T* in, int64_t rows, int64_t cols, double* sums) {
  const int64_t r = firstItem() / 8;
  const int lane = threadIdx.x % 8;
  double sum = 0;
  if (r < rows)
    for (int64_t c = lane; c < cols; c += 8) sum += fabs(widen(in[r * cols + c]));
  for (int n = 4; n >= 1; n /= 2) sum += __shfl_down_sync(kAllLanes, sum, unsigned(n), 8);
  if (r < rows && lane == 0) sums[r] = sum;
}

// Mean of all, as scale and as its inverse. One thread: the order is that of the rows.
__global__ void meanMagnitude(const double* sums, int64_t rows, int64_t cols, float* scale, double* inverse) {
  double mean = 0;
  for (int64_t r = 0; r < rows; ++r) mean += sums[r];
  if (rows * cols > 0) mean /= double(rows * cols);
  if (mean < 1e-5) mean = 1e-5;
  *scale = float(mean);
  *inverse = 1.0 / mean;
}

template <class T>
__global__ void fromFloat(const T* in, int64_t rows, int64_t cols, const double* inverse, uint8_t* zero) {
  const int64_t bytes = planeBytes(cols);
  uint8_t* plus = zero + rows * bytes;
  const double factor = *inverse;
  for (int64_t item = firstItem(); item < rows * bytes; item += itemStep()) {
    const int64_t r = item / bytes, i = item % bytes;
    unsigned z = 0, p = 0;
    for (int j = 0; j < 8; ++j) {
      const double v = 8 * i + j < cols ? nearbyint(widen(in[r * cols + 8 * i + j]) * factor) : 0.0;
      p |= unsigned(v >= 1.0) << j;
      z |= unsigned(!(v >= 1.0) && !(v <= -1.0)) << j;  // NaN becomes 0; the scale is NaN then
    }
    zero[item] = uint8_t(z);
    plus[item] = uint8_t(p);
  }
}

// 32 columns of a row of a canonical plane; bits beyond the row's last byte are those of `beyond`.
__device__ __forceinline__ uint32_t planeWord(const uint8_t* row, int64_t bytes, int64_t word, uint32_t beyond) {
  uint32_t v = 0;
  for (int b = 0; b < 4; ++b) v |= (4 * word + b < bytes ? uint32_t(row[4 * word + b]) : beyond & 0xff) << (8 * b);
  return v;
}

__global__ void pack(const uint8_t* zero, int64_t n, int64_t cols, int64_t first, char* packed) {
  const int64_t bytes = planeBytes(cols), words = colTiles(cols) * kTileWords;
  const uint8_t* plus = zero + n * bytes;
  for (int64_t item = firstItem(); item < n * words; item += itemStep()) {
    const int64_t r = item / words, word = item % words, left = cols - 32 * word;
    // Columns beyond the last are zeros, and a weight that is both 0 and +1 is 0, whatever the caller wrote.
    const uint32_t pad = left >= 32 ? 0u : left <= 0 ? 0xffffffffu : 0xffffffffu << left;
    const uint32_t z = planeWord(zero + r * bytes, bytes, word, 0xff) | pad;
    const uint32_t p = planeWord(plus + r * bytes, bytes, word, 0) & ~z;
    char* at = packed + packedWord(first + r, word, cols);
    *reinterpret_cast<uint32_t*>(at) = p;
    *reinterpret_cast<uint32_t*>(at + kPlaneBytes) = z;
  }
}

__device__ __forceinline__ uint32_t wordAt(const char* packed, int64_t offset) { return *reinterpret_cast<const uint32_t*>(packed + offset); }

__global__ void unpack(const char* packed, int64_t cols, int64_t first, int64_t n, int8_t* out) {
  for (int64_t item = firstItem(); item < n * cols; item += itemStep()) {
    const int64_t r = item / cols, c = item % cols, at = packedWord(first + r, c / 32, cols);
    const int plus = int(wordAt(packed, at) >> (c % 32) & 1), zero = int(wordAt(packed, at + kPlaneBytes) >> (c % 32) & 1);
    out[item] = int8_t(2 * plus + zero - 1);
  }
}

// A warp counts a row.
__global__ void counts(const char* packed, int64_t rows, int64_t cols, int* out) {
  const int64_t words = colTiles(cols) * kTileWords, r = firstItem() / kWarp;
  if (r >= rows) return;
  const int lane = threadIdx.x % kWarp;
  int zeros = 0, ones = 0;
  for (int64_t word = lane; word < words; word += kWarp) {
    const int64_t at = packedWord(r, word, cols);
    ones += __popc(wordAt(packed, at));
    zeros += __popc(wordAt(packed, at + kPlaneBytes));
  }
  for (int n = kWarp / 2; n >= 1; n /= 2) {
    ones += __shfl_xor_sync(kAllLanes, ones, n);
    zeros += __shfl_xor_sync(kAllLanes, zeros, n);
  }
  if (lane != 0) return;
  zeros -= int(words * 32 - cols);  // the padding bits
  out[3 * r] = int(cols) - zeros - ones;
  out[3 * r + 1] = zeros;
  out[3 * r + 2] = ones;
}

constexpr int kThreads = 256;
Grid blocksOf(int64_t threads) { return {dim3(unsigned(ceilDiv(threads, kThreads))), dim3(kThreads)}; }

template <class T>
void fromFloatAs(const Args& a, Launch& launch) {
  const int64_t rows = a.in[0].dims[0], cols = a.in[0].dims[1];
  double* sums = launch.scratch<double>(rows);
  double* inverse = launch.scratch<double>(1);
  launch(blocksOf(rows * 8), rowMagnitudes<T>, a.in[0].as<T>(), rows, cols, sums);
  launch({dim3(1), dim3(1)}, meanMagnitude, sums, rows, cols, a.out[1].as<float>(), inverse);
  launch(gridFor(rows * planeBytes(cols)), fromFloat<T>, a.in[0].as<T>(), rows, cols, inverse, a.out[0].as<uint8_t>());
}

}  // namespace

void ternary_from_hf(const Args& a, Launch& launch) {
  const int64_t quarter = a.in[0].dims[0], cols = a.in[0].dims[1];
  launch({dim3(1), dim3(1)}, clearCount, a.out[1].as<int>());
  launch(gridFor(quarter * planeBytes(cols)), fromHf, a.in[0].as<uint8_t>(), quarter, cols, a.out[0].as<uint8_t>(), a.out[1].as<int>());
}

void ternary_from_float(const Args& a, Launch& launch) {
  if (a.in[0].dtype == DType::bf16) return fromFloatAs<uint16_t>(a, launch);
  fromFloatAs<float>(a, launch);
}

void ternary_pack_(const Args& a, Launch& launch) {
  const int64_t cols = int64_t(a.attrs[1]), first = int64_t(a.attrs[2]), n = a.in[1].dims[1];
  launch(gridFor(n * colTiles(cols) * kTileWords), pack, a.in[1].as<uint8_t>(), n, cols, first, a.in[0].as<char>());
}

void ternary_unpack(const Args& a, Launch& launch) {
  const int64_t cols = int64_t(a.attrs[1]), first = int64_t(a.attrs[2]), n = int64_t(a.attrs[3]);
  launch(gridFor(n * cols), unpack, a.in[0].as<char>(), cols, first, n, a.out[0].as<int8_t>());
}

void ternary_counts(const Args& a, Launch& launch) {
  const int64_t rows = int64_t(a.attrs[0]);
  launch(blocksOf(rows * kWarp), counts, a.in[0].as<char>(), rows, int64_t(a.attrs[1]), a.out[0].as<int>());
}

}  // namespace cuda
}  // namespace rotor
