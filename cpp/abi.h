// The record: one op call as a fixed-size block of plain data. TypeScript writes it
// (src/native/abi.ts mirrors these offsets), every backend reads it.
#pragma once
#include <cstddef>
#include <cstdint>

namespace rotor {

constexpr int kMaxDims = 6;
constexpr int kMaxIn = 8;
constexpr int kMaxOut = 4;
constexpr int kMaxAttrs = 16;
constexpr uint32_t kAbiVersion = 2;

enum class DType : uint32_t { f32 = 0, bf16 = 1, i32 = 2, i8 = 3, u8 = 4, boolean = 5, f16 = 6 };
constexpr uint32_t kDTypeCount = 7;

struct TensorDesc {
  uint32_t buffer;  // id given by alloc
  uint32_t dtype;
  double offset;  // elements from the start of the buffer
  int32_t ndim;
  int32_t reserved;
  int32_t dims[kMaxDims];
  int32_t strides[kMaxDims];  // elements, never negative
};
static_assert(sizeof(TensorDesc) == 72, "mirrored in src/native/abi.ts");

struct Record {
  uint32_t opcode;  // index into ops.def
  uint32_t nIn;
  uint32_t nOut;
  uint32_t nAttrs;
  double attrs[kMaxAttrs];
  TensorDesc in[kMaxIn];
  TensorDesc out[kMaxOut];
};
static_assert(sizeof(Record) == 1008, "mirrored in src/native/abi.ts");

// Inlined everywhere, see ROTOR_INLINE in backend.h, and also used by kernels of a GPU.
#ifdef __CUDACC__
#define ROTOR_ANYWHERE __host__ __device__ __forceinline__
#else
#define ROTOR_ANYWHERE [[gnu::always_inline]] inline
#endif

ROTOR_ANYWHERE int64_t dtypeBytes(DType t) {
  switch (t) {
    case DType::f32:
    case DType::i32:
      return 4;
    case DType::bf16:
    case DType::f16:
      return 2;
    default:
      return 1;
  }
}

}  // namespace rotor
