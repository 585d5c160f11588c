// The compiled ISA variants and the choice between them.
#pragma once
#include <string>
#include <vector>

#include "../backend.h"

namespace rotor {

extern const Target kScalarTarget;
#ifdef ROTOR_HAVE_AVX2
extern const Target kAvx2Target;
#endif

struct CpuInfo {
  std::string brand;
  int cores = 1;
  bool avx2 = false;  // AVX2, FMA and F16C in the CPU, and YMM state enabled by the OS
};
const CpuInfo& cpuInfo();

// Every variant compiled in and runnable here, slowest first.
std::vector<const Target*> runnableTargets();
// Called once at load. `forced` is the value of ROTOR_CPU or empty; throws OpError when it cannot be had.
void selectTarget(const std::string& forced);

}  // namespace rotor
