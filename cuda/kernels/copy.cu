// copy, cast, fill, where: elements as they are, as another dtype, one value for all, or of two.
// data:  reads each operand once, strided or broadcast; writes y (contiguous) once
// map:   a thread 16 bytes of the widest operand where all are neighbours or one value (cast: 4 elements), else an element; 256 to a block
// bound: bytes of the operands and y; measured: not taken
#include "../elementwise.cuh"
#include "../../cpp/math/dtypes.h"

namespace rotor {
namespace cuda {
namespace {

template <class From, class To>
struct Cast {
  __device__ __forceinline__ typename To::Raw operator()(typename From::Raw x) const { return To::put(From::get(x)); }
};

template <int V, class T>
__global__ void __launch_bounds__(256) fillKernel(T* y, int64_t count, T value) {
  afterOthers();
  Pack<T, V> all;
#pragma unroll
  for (int j = 0; j < V; ++j) all.v[j] = value;
  for (int64_t i = firstItem() * V; i < count; i += itemStep() * V) {
    if (i + V <= count) *reinterpret_cast<Pack<T, V>*>(y + i) = all;
    else
      for (int64_t j = i; j < count; ++j) y[j] = value;
  }
}

template <class From>
void castFrom(const Args& a, Launch& launch) {
  switch (a.out[0].dtype) {
    case DType::f32:
      return map1<typename From::Raw, float, 4>(a, launch, Cast<From, F32>{});
    case DType::bf16:
      return map1<typename From::Raw, uint16_t, 4>(a, launch, Cast<From, Bf16>{});
    case DType::f16:
      return map1<typename From::Raw, uint16_t, 4>(a, launch, Cast<From, F16>{});
    case DType::i32:
      return map1<typename From::Raw, int32_t, 4>(a, launch, Cast<From, I32>{});
    case DType::i8:
      return map1<typename From::Raw, int8_t, 4>(a, launch, Cast<From, I8>{});
    case DType::u8:
      return map1<typename From::Raw, uint8_t, 4>(a, launch, Cast<From, U8>{});
    default:
      return map1<typename From::Raw, uint8_t, 4>(a, launch, Cast<From, Bool>{});
  }
}

template <class T>
void whereAs(const Args& a, Launch& launch) {
  const View& y = a.out[0];
  map<packOf<T>(), T>(launch, y, Where{}, Operand<uint8_t>(a.in[0], y), Operand<T>(a.in[1], y), Operand<T>(a.in[2], y));
}

template <class To>
void fillAs(const Args& a, Launch& launch) {
  using T = typename To::Raw;
  constexpr int V = packOf<T>();
  const View& y = a.out[0];
  if (aligned(y.data, 16)) return launch(mapGrid(ceilDiv(y.size, V)), fillKernel<V, T>, y.as<T>(), y.size, To::put(a.attrs[0]));
  launch(mapGrid(y.size), fillKernel<1, T>, y.as<T>(), y.size, To::put(a.attrs[0]));
}

}  // namespace

void copy(const Args& a, Launch& launch) {
  switch (dtypeBytes(a.in[0].dtype)) {
    case 4:
      return map1<uint32_t, uint32_t>(a, launch, Same{});
    case 2:
      return map1<uint16_t, uint16_t>(a, launch, Same{});
    default:
      return map1<uint8_t, uint8_t>(a, launch, Same{});
  }
}

void cast(const Args& a, Launch& launch) {
  switch (a.in[0].dtype) {
    case DType::f32:
      return castFrom<F32>(a, launch);
    case DType::bf16:
      return castFrom<Bf16>(a, launch);
    case DType::f16:
      return castFrom<F16>(a, launch);
    case DType::i32:
      return castFrom<I32>(a, launch);
    case DType::i8:
      return castFrom<I8>(a, launch);
    case DType::u8:
      return castFrom<U8>(a, launch);
    default:
      return castFrom<Bool>(a, launch);
  }
}

void fill(const Args& a, Launch& launch) {
  switch (a.out[0].dtype) {
    case DType::f32:
      return fillAs<F32>(a, launch);
    case DType::bf16:
      return fillAs<Bf16>(a, launch);
    case DType::f16:
      return fillAs<F16>(a, launch);
    case DType::i32:
      return fillAs<I32>(a, launch);
    case DType::i8:
      return fillAs<I8>(a, launch);
    case DType::u8:
      return fillAs<U8>(a, launch);
    default:
      return fillAs<Bool>(a, launch);
  }
}

void where(const Args& a, Launch& launch) {
  switch (dtypeBytes(a.in[1].dtype)) {
    case 4:
      return whereAs<uint32_t>(a, launch);
    case 2:
      return whereAs<uint16_t>(a, launch);
    default:
      return whereAs<uint8_t>(a, launch);
  }
}

}  // namespace cuda
}  // namespace rotor
