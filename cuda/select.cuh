// The k-th largest of many numbers by a block: eight passes, each of which finds eight bits of it by counting.
#pragma once
#include "common.cuh"

namespace rotor {
namespace cuda {

constexpr int kSelectWords = 258;  // of shared memory

// Unsigned keys in the order of doubles, and back. -0 comes before 0.
__device__ __forceinline__ unsigned long long orderedKey(double v) {
  const unsigned long long u = static_cast<unsigned long long>(__double_as_longlong(v));
  return u >> 63 ? ~u : u | 1ull << 63;
}
__device__ __forceinline__ double keyedDouble(unsigned long long key) {
  return __longlong_as_double(static_cast<long long>(key >> 63 ? key & ~(1ull << 63) : ~key));
}

// Of value(0) to value(n - 1), none of them NaN; minus infinity when there are fewer than k. All threads of the block get it.
template <class F>
__device__ double kthLargest(const F& value, int64_t n, int64_t k, unsigned* memory) {
  if (n < k) return -HUGE_VAL;
  unsigned long long found = 0, mask = 0;
  unsigned rank = unsigned(k);
  for (int shift = 56; shift >= 0; shift -= 8) {
    for (int i = threadIdx.x; i < 256; i += blockDim.x) memory[i] = 0;
    __syncthreads();
    for (int64_t i = threadIdx.x; i < n; i += blockDim.x) {
      const unsigned long long key = orderedKey(value(i));
      if ((key & mask) == found) atomicAdd(&memory[key >> shift & 255], 1u);
    }
    __syncthreads();
    if (threadIdx.x < kWarp) {
      const int top = 255 - 8 * int(threadIdx.x);  // this lane has the counts of digits top to top - 7
      unsigned sum = 0;
      for (int i = 0; i < 8; ++i) sum += memory[top - i];
      unsigned upTo = sum;
      for (int step = 1; step < kWarp; step *= 2) {
        const unsigned before = __shfl_up_sync(kAllLanes, upTo, step);
        if (int(threadIdx.x) >= step) upTo += before;
      }
      if (upTo >= rank && upTo - sum < rank) {
        unsigned left = rank - (upTo - sum);
        int digit = top;
        while (left > memory[digit]) left -= memory[digit--];
        memory[256] = unsigned(digit);
        memory[257] = left;
      }
    }
    __syncthreads();
    found |= static_cast<unsigned long long>(memory[256]) << shift;
    mask |= 255ull << shift;
    rank = memory[257];
    __syncthreads();
  }
  return keyedDouble(found);
}

}  // namespace cuda
}  // namespace rotor
