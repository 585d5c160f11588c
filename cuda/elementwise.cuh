// Maps of a function over elements, with the broadcasting of elementwise ops.
#pragma once
#include "ptx.cuh"

namespace rotor {
namespace cuda {

// Where an operand's elements are, in the order of a contiguous output: its dimensions broadcast to the output's from the right.
struct Reader {
  int64_t step;  // 1: in the output's order; 0: one value for all; else by index
  int ndim;
  int32_t dims[kMaxDims];
  int64_t strides[kMaxDims];

  Reader(const View& in, const View& out) : step(in.size == 1 ? 0 : in.size == out.size && in.contiguous() ? 1 : -1), ndim(out.ndim) {
    for (int d = 0; d < ndim; ++d) {
      const int s = d - (out.ndim - in.ndim);
      dims[d] = int32_t(out.dims[d]);
      strides[d] = s >= 0 && in.dims[s] != 1 ? in.strides[s] : 0;
    }
  }
  __device__ __forceinline__ int64_t operator()(int64_t i) const {
    if (step >= 0) return i * step;
    int64_t at = 0;
    for (int d = ndim - 1; d >= 0; --d) {
      at += i % dims[d] * strides[d];
      i /= dims[d];
    }
    return at;
  }
};

template <class T, class R, class F>
__global__ void __launch_bounds__(256) map1Kernel(const T* x, Reader rx, R* y, int64_t count, F f) {
  dependencyWait();
  for (int64_t i = firstItem(); i < count; i += itemStep()) y[i] = f(x[rx(i)]);
}
template <class T, class R, class F>
__global__ void __launch_bounds__(256) map2Kernel(const T* x, Reader rx, const T* z, Reader rz, R* y, int64_t count, F f) {
  dependencyWait();
  for (int64_t i = firstItem(); i < count; i += itemStep()) y[i] = f(x[rx(i)], z[rz(i)]);
}
template <class C, class T, class R, class F>
__global__ void __launch_bounds__(256) map3Kernel(const C* c, Reader rc, const T* x, Reader rx, const T* z, Reader rz, R* y, int64_t count, F f) {
  dependencyWait();
  for (int64_t i = firstItem(); i < count; i += itemStep()) y[i] = f(c[rc(i)], x[rx(i)], z[rz(i)]);
}

// A grid of elementwise kernels, which wait for the kernels before them.
inline Grid mapGrid(int64_t count) {
  Grid grid = gridFor(count);
  grid.early = true;
  return grid;
}

template <class T, class R, class F>
void map1(const Args& a, Launch& launch, F f) {
  const View &x = a.in[0], &y = a.out[0];
  launch(mapGrid(y.size), map1Kernel<T, R, F>, static_cast<const T*>(x.as<T>()), Reader(x, y), y.as<R>(), y.size, f);
}
template <class T, class R, class F>
void map2(const Args& a, Launch& launch, F f) {
  const View &x = a.in[0], &z = a.in[1], &y = a.out[0];
  launch(mapGrid(y.size), map2Kernel<T, R, F>, static_cast<const T*>(x.as<T>()), Reader(x, y), static_cast<const T*>(z.as<T>()), Reader(z, y), y.as<R>(), y.size, f);
}

}  // namespace cuda
}  // namespace rotor
