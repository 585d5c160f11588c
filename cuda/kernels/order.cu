// argmax, argmin, sort, topk: the order of elements by value, then index; NaN comes after everything and wins an argmax or argmin.
// data:  reads x once; sort and topk keep 64-bit keys (value and index in one) in scratch and write values and indices once
// map:   argmax: a block of 256 threads an output. sort, topk: blocks of 1024 threads order 2048 keys in shared memory by a bitonic
//        network; rows beyond that are joined by steps through memory (sort), or only the first k of each piece go on (topk)
// bound: argmax: bytes of x; sort: log^2 n passes over 2048 keys in shared memory; measured: not taken
#include "../elementwise.cuh"
#include "../reduce.cuh"

namespace rotor {
namespace cuda {
namespace {

constexpr int64_t kPiece = 2048;  // keys that one block orders
constexpr int kSorters = 1024;    // threads that do it
constexpr uint64_t kLast = UINT64_MAX;

// Integers in the order of the values; -0 equals 0, every NaN is the largest.
__device__ __forceinline__ int32_t orderKey(float v) {
  if (v != v) return INT32_MAX;
  const uint32_t u = __float_as_uint(v);
  return u >> 31 ? -int32_t(u & 0x7fffffffu) : int32_t(u);
}
__device__ __forceinline__ int32_t orderKey(int32_t v) { return v; }
__device__ __forceinline__ bool isNan(float v) { return v != v; }
__device__ __forceinline__ bool isNan(int32_t) { return false; }

template <class T>
__global__ void __launch_bounds__(256) argBestKernel(const T* x, int32_t* y, int64_t n, int64_t inner, bool smallest) {
  dependencyWait();
  const int64_t o = blockIdx.x;
  const T* row = x + o / inner * n * inner + o % inner;
  int64_t best = INT64_MIN;
  for (int64_t j = threadIdx.x; j < n; j += blockDim.x) {
    const T v = row[j * inner];
    const int32_t key = isNan(v) ? INT32_MAX : smallest ? ~orderKey(v) : orderKey(v);
    const int64_t both = int64_t(uint64_t(int64_t(key)) << 32 | uint32_t(INT32_MAX - int32_t(j)));  // of equals the first
    best = both > best ? both : best;
  }
  best = blockFold(best, Max{}, shared<int64_t>());
  if (threadIdx.x == 0) y[o] = INT32_MAX - int32_t(uint32_t(best));
}

template <class T>
void argBest(const Args& a, Launch& launch, bool smallest) {
  const View& x = a.in[0];
  const int dim = int(a.attrs[0]);
  int64_t inner = 1;
  for (int d = dim + 1; d < x.ndim; ++d) inner *= x.dims[d];
  Grid grid{dim3(unsigned(a.out[0].size)), dim3(256), 8 * sizeof(int64_t), true};
  launch(grid, argBestKernel<T>, static_cast<const T*>(x.as<T>()), a.out[0].as<int32_t>(), x.dims[dim], inner, smallest);
}

// Element i of a row as a key that orders like it: value first (the other way round if `flip` is -1), then index.
template <class T>
__device__ __forceinline__ uint64_t keyOf(T v, int64_t i, int32_t flip) {
  return uint64_t(uint32_t(orderKey(v) ^ flip) ^ 0x80000000u) << 32 | uint32_t(i);
}

template <class T>
__global__ void __launch_bounds__(256) keysKernel(const T* x, uint64_t* keys, int64_t n, int64_t padded, int32_t flip) {
  dependencyWait();
  for (int64_t i = firstItem(); i < padded; i += itemStep()) keys[blockIdx.y * padded + i] = i < n ? keyOf(x[blockIdx.y * n + i], i, flip) : kLast;
}

__device__ __forceinline__ void inOrder(uint64_t* a, uint64_t* b, bool ascending) {
  if ((*a > *b) != ascending) return;
  const uint64_t t = *a;
  *a = *b;
  *b = t;
}

// The steps of the network of `size` keys whose partners are `from`, from / 2, … 1 apart, on kPiece keys in shared memory; `at` is
// the place of the first of them in the row.
__device__ __forceinline__ void stepsInShared(uint64_t* keys, int64_t at, int64_t size, int64_t from) {
  for (int64_t apart = from; apart >= 1; apart /= 2) {
    const int64_t t = threadIdx.x, i = t / apart * apart * 2 + t % apart;
    inOrder(keys + i, keys + i + apart, ((at + i) & size) == 0);
    __syncthreads();
  }
}

__device__ __forceinline__ void loadPiece(const uint64_t* from, uint64_t* keys) {
  for (int64_t i = threadIdx.x; i < kPiece; i += kSorters) keys[i] = from[i];
  __syncthreads();
}

// Orders each piece, alternately up and down as the network goes on.
__global__ void __launch_bounds__(kSorters) sortPiecesKernel(uint64_t* keys, int64_t padded) {
  dependencyWait();
  uint64_t *piece = keys + blockIdx.y * padded + blockIdx.x * kPiece, *here = shared<uint64_t>();
  loadPiece(piece, here);
  for (int64_t size = 2; size <= kPiece; size *= 2) stepsInShared(here, int64_t(blockIdx.x) * kPiece, size, size / 2);
  for (int64_t i = threadIdx.x; i < kPiece; i += kSorters) piece[i] = here[i];
}
// The last steps of a larger size, whose partners are in one piece.
__global__ void __launch_bounds__(kSorters) joinPiecesKernel(uint64_t* keys, int64_t padded, int64_t size) {
  dependencyWait();
  uint64_t *piece = keys + blockIdx.y * padded + blockIdx.x * kPiece, *here = shared<uint64_t>();
  loadPiece(piece, here);
  stepsInShared(here, int64_t(blockIdx.x) * kPiece, size, kPiece / 2);
  for (int64_t i = threadIdx.x; i < kPiece; i += kSorters) piece[i] = here[i];
}
// One step whose partners are in different pieces.
__global__ void __launch_bounds__(256) farStepKernel(uint64_t* keys, int64_t padded, int64_t size, int64_t apart) {
  dependencyWait();
  uint64_t* row = keys + blockIdx.y * padded;
  for (int64_t t = firstItem(); t < padded / 2; t += itemStep()) {
    const int64_t i = t / apart * apart * 2 + t % apart;
    inOrder(row + i, row + i + apart, (i & size) == 0);
  }
}

// The first `keep` keys of each piece of `count` keys, to where the next round finds them; missing ones are last.
__global__ void __launch_bounds__(kSorters) firstOfPiecesKernel(const uint64_t* from, int64_t count, uint64_t* to, int64_t keep) {
  dependencyWait();
  uint64_t* here = shared<uint64_t>();
  const int64_t begin = int64_t(blockIdx.x) * kPiece;
  for (int64_t i = threadIdx.x; i < kPiece; i += kSorters) here[i] = begin + i < count ? from[blockIdx.y * count + begin + i] : kLast;
  __syncthreads();
  for (int64_t size = 2; size <= kPiece; size *= 2) stepsInShared(here, 0, size, size / 2);
  uint64_t* mine = to + (int64_t(blockIdx.y) * gridDim.x + blockIdx.x) * keep;
  for (int64_t i = threadIdx.x; i < keep; i += kSorters) mine[i] = here[i];
}

template <class T>
__global__ void __launch_bounds__(256) valuesKernel(const T* x, int64_t n, const uint64_t* keys, int64_t stride, T* values, int32_t* ids, int64_t count) {
  dependencyWait();
  for (int64_t i = firstItem(); i < count; i += itemStep()) {
    const int32_t id = int32_t(uint32_t(keys[blockIdx.y * stride + i]));
    values[blockIdx.y * count + i] = x[blockIdx.y * n + id];
    ids[blockIdx.y * count + i] = id;
  }
}

constexpr size_t kPieceBytes = kPiece * sizeof(uint64_t);
constexpr int64_t kMaxRows = 65535;  // blocks of a launch in y

Grid perRow(int64_t items, int64_t rows, int threads = 256) {
  Grid grid = gridFor(items, threads);
  grid.blocks.y = unsigned(rows);
  grid.early = true;
  return grid;
}
Grid perPiece(int64_t pieces, int64_t rows) { return {dim3(unsigned(pieces), unsigned(rows)), dim3(kSorters), kPieceBytes, true}; }

// The order of all elements of `rows` rows.
template <class T>
void sortRows(const T* x, int64_t n, int64_t rows, int32_t flip, int64_t keep, T* values, int32_t* ids, Launch& launch) {
  int64_t padded = kPiece;
  while (padded < n) padded *= 2;
  uint64_t* keys = launch.scratch<uint64_t>(padded * (rows < kMaxRows ? rows : kMaxRows));
  for (int64_t r = 0; r < rows; r += kMaxRows) {
    const int64_t some = rows - r < kMaxRows ? rows - r : kMaxRows;
    launch(perRow(padded, some), keysKernel<T>, x + r * n, keys, n, padded, flip);
    launch(perPiece(padded / kPiece, some), sortPiecesKernel, keys, padded);
    for (int64_t size = 2 * kPiece; size <= padded; size *= 2) {
      for (int64_t apart = size / 2; apart >= kPiece; apart /= 2) launch(perRow(padded / 2, some), farStepKernel, keys, padded, size, apart);
      launch(perPiece(padded / kPiece, some), joinPiecesKernel, keys, padded, size);
    }
    launch(perRow(keep, some), valuesKernel<T>, x + r * n, n, static_cast<const uint64_t*>(keys), padded, values + r * keep, ids + r * keep, keep);
  }
}

// The first k of each row, where k is at most half a piece: piece by piece, and again what is left of all.
template <class T>
void firstOfRows(const T* x, int64_t n, int64_t rows, int32_t flip, int64_t k, T* values, int32_t* ids, Launch& launch) {
  const int64_t most = rows < kMaxRows ? rows : kMaxRows;
  uint64_t *from = launch.scratch<uint64_t>(n * most), *to = launch.scratch<uint64_t>(ceilDiv(n, kPiece) * k * most);
  for (int64_t r = 0; r < rows; r += kMaxRows) {
    const int64_t some = rows - r < kMaxRows ? rows - r : kMaxRows;
    uint64_t *a = from, *b = to;
    launch(perRow(n, some), keysKernel<T>, x + r * n, a, n, n, flip);
    int64_t count = n;
    do {
      const int64_t pieces = ceilDiv(count, kPiece);
      launch(perPiece(pieces, some), firstOfPiecesKernel, static_cast<const uint64_t*>(a), count, b, k);
      count = pieces * k;
      uint64_t* t = a;
      a = b;
      b = t;
    } while (count > k);
    launch(perRow(k, some), valuesKernel<T>, x + r * n, n, static_cast<const uint64_t*>(a), k, values + r * k, ids + r * k, k);
  }
}

// Rows of an op's input; its dtypes other than float32 and int32 are ordered as int32.
template <class T>
void order(const Args& a, Launch& launch, int64_t keep, bool descending) {
  const View& x = a.in[0];
  const int64_t n = x.last(0), rows = n == 0 ? 0 : x.size / n;
  const int32_t flip = descending ? -1 : 0;  // ^ -1 turns the order of keys around
  if (keep == 0 || rows == 0) return;
  const T* data = x.as<T>();
  T* values = a.out[0].as<T>();
  int32_t* ids = a.out[1].as<int32_t>();
  if (keep <= kPiece / 2 && keep < n) return firstOfRows(data, n, rows, flip, keep, values, ids, launch);
  sortRows(data, n, rows, flip, keep, values, ids, launch);
}

#define ROTOR_BY_DTYPE(f, ...)                   \
  switch (a.in[0].dtype) {                       \
    case DType::f32:                             \
      return f<float>(a, launch, __VA_ARGS__);   \
    case DType::i32:                             \
      return f<int32_t>(a, launch, __VA_ARGS__); \
    case DType::i8:                              \
      return f<int8_t>(a, launch, __VA_ARGS__);  \
    default:                                     \
      return f<uint8_t>(a, launch, __VA_ARGS__); \
  }

}  // namespace

void argmax(const Args& a, Launch& launch) { ROTOR_BY_DTYPE(argBest, false) }
void argmin(const Args& a, Launch& launch) { ROTOR_BY_DTYPE(argBest, true) }
void sort(const Args& a, Launch& launch) { ROTOR_BY_DTYPE(order, a.in[0].last(0), a.attrs[0] != 0) }
void topk(const Args& a, Launch& launch) { ROTOR_BY_DTYPE(order, int64_t(a.attrs[0]), a.attrs[1] != 0) }
#undef ROTOR_BY_DTYPE

}  // namespace cuda
}  // namespace rotor
