// concat, flip, gather, take_along_dim, one_hot, embedding: elements moved, nothing computed.
// data:  reads each element that is needed once, indices once; writes y (contiguous) once
// map:   a thread an element of y, 256 to a block
// bound: bytes of y, twice; measured: not taken
#include "../elementwise.cuh"
#include "../../cpp/math/dtypes.h"

namespace rotor {
namespace cuda {
namespace {

// A contiguous tensor as [outer, n, inner] around a dimension.
struct Split {
  int64_t outer = 1, n = 1, inner = 1;
  Split(const View& v, int dim) : n(v.dims[dim]) {
    for (int d = 0; d < dim; ++d) outer *= v.dims[d];
    for (int d = dim + 1; d < v.ndim; ++d) inner *= v.dims[d];
  }
};

// Runs f<T> with an unsigned integer of the width of the dtype.
#define ROTOR_BY_WIDTH(dtype, f)          \
  switch (dtypeBytes(dtype)) {            \
    case 4:                               \
      return f<uint32_t>(a, launch);      \
    case 2:                               \
      return f<uint16_t>(a, launch);      \
    default:                              \
      return f<uint8_t>(a, launch);       \
  }

// One input of a concatenation into its part of every row.
template <class T>
__global__ void __launch_bounds__(256) concatKernel(const T* x, T* y, int64_t count, int64_t part, int64_t row, int64_t begin) {
  afterOthers();
  for (int64_t i = firstItem(); i < count; i += itemStep()) y[i / part * row + begin + i % part] = x[i];
}

template <class T>
void concatAs(const Args& a, Launch& launch) {
  const int dim = int(a.attrs[0]);
  const Split y(a.out[0], dim);
  int64_t begin = 0;
  for (int i = 0; i < a.nIn; ++i) {
    const int64_t part = a.in[i].dims[dim] * y.inner;
    launch(mapGrid(a.in[i].size), concatKernel<T>, static_cast<const T*>(a.in[i].as<T>()), a.out[0].as<T>(), a.in[i].size, part, y.n * y.inner, begin);
    begin += part;
  }
}

// A copy whose strides are negative along flipped dimensions.
template <class T>
void flipAs(const Args& a, Launch& launch) {
  View x = a.in[0];
  int64_t first = 0;
  for (int d = 0; d < x.ndim && x.size > 0; ++d) {
    if (!(int(a.attrs[0]) >> d & 1)) continue;
    first += (x.dims[d] - 1) * x.strides[d];
    x.strides[d] = -x.strides[d];
  }
  x.data = x.as<T>() + first;
  map<1, T>(launch, a.out[0], Same{}, Operand<T>(x, a.out[0]));
}

template <class T>
__global__ void __launch_bounds__(256) gatherKernel(const T* x, const int32_t* ids, T* y, int64_t count, int64_t m, int64_t n, int64_t inner, DeviceFault fault) {
  afterOthers();
  for (int64_t i = firstItem(); i < count; i += itemStep()) {
    const int64_t row = i / inner, id = ids[row % m];
    if (id < 0 || id >= n) fault.raise(id, n);
    else y[i] = x[(row / m * n + id) * inner + i % inner];
  }
}

template <class T>
void gatherAs(const Args& a, Launch& launch) {
  const Split x(a.in[0], int(a.attrs[0]));
  launch(mapGrid(a.out[0].size), gatherKernel<T>, static_cast<const T*>(a.in[0].as<T>()), static_cast<const int32_t*>(a.in[1].as<int32_t>()), a.out[0].as<T>(), a.out[0].size, a.in[1].size, x.n,
         x.inner, launch.fault);
}

template <class T>
__global__ void __launch_bounds__(256) takeAlongKernel(const T* x, const int32_t* ids, T* y, int64_t count, int64_t n, int64_t row, int64_t inner, DeviceFault fault) {
  afterOthers();
  for (int64_t i = firstItem(); i < count; i += itemStep()) {
    const int64_t id = ids[i];
    if (id < 0 || id >= n) fault.raise(id, n);
    else y[i] = x[(i / row * n + id) * inner + i % inner];
  }
}

template <class T>
void takeAlongAs(const Args& a, Launch& launch) {
  const Split x(a.in[0], int(a.attrs[0])), ids(a.in[1], int(a.attrs[0]));
  launch(mapGrid(a.in[1].size), takeAlongKernel<T>, static_cast<const T*>(a.in[0].as<T>()), static_cast<const int32_t*>(a.in[1].as<int32_t>()), a.out[0].as<T>(), a.in[1].size, x.n,
         ids.n * ids.inner, ids.inner, launch.fault);
}

__global__ void __launch_bounds__(256) oneHotKernel(const int32_t* ids, float* y, int64_t count, int64_t classes, DeviceFault fault) {
  afterOthers();
  for (int64_t i = firstItem(); i < count; i += itemStep()) {
    const int64_t id = ids[i / classes];
    y[i] = i % classes == id ? 1.0f : 0.0f;
    if (id < 0 || id >= classes) fault.raise(id, classes);
  }
}

// T: F32 or Bf16, what the table holds.
template <class T>
__global__ void __launch_bounds__(256) embeddingKernel(const typename T::Raw* table, const int32_t* ids, float* y, int64_t count, int64_t vocab, int64_t width, DeviceFault fault) {
  afterOthers();
  for (int64_t i = firstItem(); i < count; i += itemStep()) {
    const int64_t id = ids[i / width];
    if (id < 0 || id >= vocab) fault.raise(id, vocab);
    else y[i] = float(T::get(table[id * width + i % width]));
  }
}

template <class T>
void embeddingAs(const Args& a, Launch& launch) {
  using Raw = typename T::Raw;
  launch(mapGrid(a.out[0].size), embeddingKernel<T>, static_cast<const Raw*>(a.in[0].as<Raw>()), static_cast<const int32_t*>(a.in[1].as<int32_t>()), a.out[0].as<float>(), a.out[0].size,
         a.in[0].dims[0], a.in[0].dims[1], launch.fault);
}

}  // namespace

void concat(const Args& a, Launch& launch) { ROTOR_BY_WIDTH(a.out[0].dtype, concatAs) }
void flip(const Args& a, Launch& launch) { ROTOR_BY_WIDTH(a.in[0].dtype, flipAs) }
void gather(const Args& a, Launch& launch) { ROTOR_BY_WIDTH(a.in[0].dtype, gatherAs) }
void take_along_dim(const Args& a, Launch& launch) { ROTOR_BY_WIDTH(a.in[0].dtype, takeAlongAs) }
#undef ROTOR_BY_WIDTH

void one_hot(const Args& a, Launch& launch) {
  launch(mapGrid(a.out[0].size), oneHotKernel, static_cast<const int32_t*>(a.in[0].as<int32_t>()), a.out[0].as<float>(), a.out[0].size, int64_t(a.attrs[0]), launch.fault);
}

void embedding(const Args& a, Launch& launch) {
  if (a.in[0].dtype == DType::f32) return embeddingAs<F32>(a, launch);
  embeddingAs<Bf16>(a, launch);
}

}  // namespace cuda
}  // namespace rotor
