// copy, cast, fill, where: elements as they are, as another dtype, one value for all, or of two.
// data:  reads each operand once, strided or broadcast; writes y (contiguous) once
// map:   a thread an element, 256 to a block
// bound: bytes of the operands and y; measured: not taken
#include "../ptx.cuh"
#include "../elementwise.cuh"
#include "../../cpp/math/dtypes.h"

namespace rotor {
namespace cuda {
namespace {

struct Same {
  template <class T>
  __device__ __forceinline__ T operator()(T x) const {
    return x;
  }
};

template <class From, class To>
struct Cast {
  __device__ __forceinline__ typename To::Raw operator()(typename From::Raw x) const { return To::put(From::get(x)); }
};

template <class T>
__global__ void __launch_bounds__(256) fillKernel(T* y, int64_t count, T value) {
  dependencyWait();
  for (int64_t i = firstItem(); i < count; i += itemStep()) y[i] = value;
}

template <class From>
void castFrom(const Args& a, Launch& launch) {
  switch (a.out[0].dtype) {
    case DType::f32:
      return map1<typename From::Raw, float>(a, launch, Cast<From, F32>{});
    case DType::bf16:
      return map1<typename From::Raw, uint16_t>(a, launch, Cast<From, Bf16>{});
    case DType::f16:
      return map1<typename From::Raw, uint16_t>(a, launch, Cast<From, F16>{});
    case DType::i32:
      return map1<typename From::Raw, int32_t>(a, launch, Cast<From, I32>{});
    case DType::i8:
      return map1<typename From::Raw, int8_t>(a, launch, Cast<From, I8>{});
    case DType::u8:
      return map1<typename From::Raw, uint8_t>(a, launch, Cast<From, U8>{});
    default:
      return map1<typename From::Raw, uint8_t>(a, launch, Cast<From, Bool>{});
  }
}

template <class T>
void whereAs(const Args& a, Launch& launch) {
  const View &c = a.in[0], &x = a.in[1], &z = a.in[2], &y = a.out[0];
  launch(mapGrid(y.size), map3Kernel<uint8_t, T, T, Where>, static_cast<const uint8_t*>(c.as<uint8_t>()), Reader(c, y), static_cast<const T*>(x.as<T>()), Reader(x, y),
         static_cast<const T*>(z.as<T>()), Reader(z, y), y.as<T>(), y.size, Where{});
}

template <class To>
void fillAs(const Args& a, Launch& launch) {
  using T = typename To::Raw;
  launch(mapGrid(a.out[0].size), fillKernel<T>, a.out[0].as<T>(), a.out[0].size, To::put(a.attrs[0]));
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
