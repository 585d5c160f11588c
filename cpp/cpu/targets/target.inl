// One ISA variant: every kernel compiled with this file's flags, and the table of them.
#include <type_traits>

#include "../../backend.h"
#include "../../ops/attention.h"
#include "../../screen.h"
#include "../../ternary.h"
#include "../simd.h"
#include "../targets.h"
// Kernels, one family a file.
#include "../kernels/elementwise.inl"
#include "../kernels/random.inl"
#include "../kernels/reduce.inl"
#include "../kernels/linear.inl"
#if defined(ROTOR_AVX512)
#include "../kernels/ternary_avx512.inl"
#ifdef ROTOR_AMX
#include "../kernels/ternary_amx.inl"
#else
#include "../kernels/ternary_vnni.inl"
#endif
#elif defined(ROTOR_AVX2)
#include "../kernels/ternary_avx2.inl"
#else
#include "../kernels/ternary_scalar.inl"
#endif
#include "../kernels/ternary.inl"
#include "../kernels/softmax.inl"
#include "../kernels/rows.inl"
#include "../kernels/movement.inl"
#include "../kernels/order.inl"
#include "../kernels/matmul.inl"
#include "../kernels/norm.inl"
#include "../kernels/rope.inl"
#include "../kernels/glu.inl"
#include "../kernels/kv.inl"
#include "../kernels/attention.inl"
#include "../kernels/sample.inl"
#include "../kernels/screen.inl"
#include "../kernels/screened_linear.inl"

namespace rotor {

static const KernelFn kKernels[] = {
#define OP(name, minIn, maxIn, minOut, maxOut, nAttrs, flags) ROTOR_TARGET::name,
#include "../../ops.def"
#undef OP
};

#define ROTOR_TEXT2(x) #x
#define ROTOR_TEXT(x) ROTOR_TEXT2(x)
#ifndef ROTOR_TARGET_NAME
#define ROTOR_TARGET_NAME ROTOR_TEXT(ROTOR_TARGET)
#endif
extern const Target ROTOR_TARGET_OBJECT;
const Target ROTOR_TARGET_OBJECT = {ROTOR_TARGET_NAME, kKernels, ROTOR_TARGET::ternaryBytes};

}  // namespace rotor
