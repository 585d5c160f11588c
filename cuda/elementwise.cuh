// Maps of a function over elements, with the broadcasting of elementwise ops.
#pragma once
#include "ptx.cuh"

namespace rotor {
namespace cuda {

// First call of a kernel that reads nothing before: the kernel after it may be prepared, and those before it have ended.
__device__ __forceinline__ void afterOthers() {
  dependentsLaunch();
  dependencyWait();
}

// A grid of such kernels.
inline Grid mapGrid(int64_t count) {
  Grid grid = gridFor(count);
  grid.early = true;
  return grid;
}

inline bool aligned(const void* p, size_t bytes) { return reinterpret_cast<uintptr_t>(p) % bytes == 0; }

// Neighbours in memory, read and written at once.
template <class T, int V>
struct alignas(sizeof(T) * V) Pack {
  T v[V];
};

// Reads an operand in the order of a contiguous output, to which its dimensions broadcast from the right. Neighbouring dimensions
// are joined where memory allows, so that a contiguous operand has one, and a single value none.
template <class T>
struct Operand {
  const T* data;
  int ndim = 0;
  int64_t dims[kMaxDims] = {}, strides[kMaxDims] = {}, inner = 0;  // inner: the last of the strides

  Operand(const View& in, const View& out) : data(in.as<T>()) {
    for (int d = 0; d < out.ndim; ++d) {
      const int s = d - (out.ndim - in.ndim);
      const int64_t n = out.dims[d], stride = s >= 0 && in.dims[s] != 1 ? in.strides[s] : 0;
      if (n == 1) continue;
      if (ndim == 0 || strides[ndim - 1] != stride * n) dims[ndim++] = 1;
      dims[ndim - 1] *= n;
      strides[ndim - 1] = inner = stride;
    }
  }

  // Whether V elements from any multiple of V on are neighbours, or one value.
  bool packable(int v) const {
    bool ok = inner == 0 || (inner == 1 && aligned(data, sizeof(T) * size_t(v)));
    if (ndim > 1) ok = ok && dims[ndim - 1] % v == 0;
    for (int d = 0; d < ndim - 1; ++d) ok = ok && (inner == 0 || strides[d] % v == 0);
    return ok;
  }

  __device__ __forceinline__ const T* at(int64_t i) const {
    int64_t offset = 0;
#pragma unroll
    for (int d = kMaxDims - 1; d > 0; --d) {  // unrolled, so that kernel parameters are not copied to local memory
      if (d >= ndim) continue;
      offset += i % dims[d] * strides[d];
      i /= dims[d];
    }
    return data + offset + i * strides[0];
  }
  template <int V>
  __device__ __forceinline__ Pack<T, V> pack(int64_t i) const {
    const T* p = at(i);
    if (inner != 0) return *reinterpret_cast<const Pack<T, V>*>(p);
    Pack<T, V> r;
#pragma unroll
    for (int j = 0; j < V; ++j) r.v[j] = *p;
    return r;
  }
};

template <int V, class R, class F, class... T>
__device__ __forceinline__ Pack<R, V> applied(const F& f, const Pack<T, V>&... x) {
  Pack<R, V> y;
#pragma unroll
  for (int j = 0; j < V; ++j) y.v[j] = f(x.v[j]...);
  return y;
}

// y = f(x...), V elements at a time.
template <int V, class R, class F, class... T>
__global__ void __launch_bounds__(256) mapKernel(R* y, int64_t count, F f, Operand<T>... x) {
  afterOthers();
  for (int64_t i = firstItem() * V; i < count; i += itemStep() * V) {
    if (V > 1 && i + V <= count) {
      *reinterpret_cast<Pack<R, V>*>(y + i) = applied<V, R>(f, x.template pack<V>(i)...);
      continue;
    }
    for (int64_t j = i; j < i + V && j < count; ++j) y[j] = f(*x.at(j)...);
  }
}

template <int V, class R, class F, class... T>
void launchMap(Launch& launch, const View& y, F f, Operand<T>... x) {
  void (*const kernel)(R*, int64_t, F, Operand<T>...) = mapKernel<V, R, F, T...>;
  launch(mapGrid(ceilDiv(y.size, V)), kernel, y.as<R>(), y.size, f, x...);
}

// Elements of which the widest fill 16 bytes.
template <class... T>
constexpr int packOf() {
  size_t widest = 1;
  for (const size_t bytes : {sizeof(T)...}) widest = bytes > widest ? bytes : widest;
  return int(16 / widest);
}

// V at a time where memory allows; V = 1 suits functions that compute much.
template <int V, class R, class F, class... T>
void map(Launch& launch, const View& y, F f, Operand<T>... x) {
  if (aligned(y.data, sizeof(R) * V) && (x.packable(V) && ...)) return launchMap<V, R>(launch, y, f, x...);
  launchMap<1, R>(launch, y, f, x...);
}

template <class T, class R, int V = packOf<T, R>(), class F>
void map1(const Args& a, Launch& launch, F f) {
  map<V, R>(launch, a.out[0], f, Operand<T>(a.in[0], a.out[0]));
}
template <class T, class R, int V = packOf<T, R>(), class F>
void map2(const Args& a, Launch& launch, F f) {
  map<V, R>(launch, a.out[0], f, Operand<T>(a.in[0], a.out[0]), Operand<T>(a.in[1], a.out[0]));
}

// An element as it is.
struct Same {
  template <class T>
  __device__ __forceinline__ T operator()(T x) const {
    return x;
  }
};

}  // namespace cuda
}  // namespace rotor
