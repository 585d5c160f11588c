// The float32 e^x of the CPU kernels, for one element: softmax and attention give the CPU's bits.
#pragma once
#include "../cpp/math/lanes.h"
#include "common.cuh"

namespace rotor {
namespace cuda {

__device__ __forceinline__ float expLane(float x) { return expOf(Lane{x}).v; }

}  // namespace cuda
}  // namespace rotor
