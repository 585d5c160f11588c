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
#ifdef ROTOR_HAVE_AVX512
extern const Target kAvx512Target;
#endif
#ifdef ROTOR_HAVE_AMX
extern const Target kAmxTarget;
#endif
#ifdef ROTOR_HAVE_SIM
extern const Target kAvx512SimTarget, kAmxSimTarget;
#endif

struct CpuInfo {
  std::string brand;
  int cores = 1;
  bool avx2 = false;    // AVX2, FMA, F16C, BMI1 and BMI2 in the CPU, and YMM state enabled by the OS
  bool avx512 = false;  // these, AVX-512 F, BW, DQ, VL and VNNI, and ZMM state enabled by the OS
  bool amx = false;     // these and int8 tiles, whose state the OS lets this process use
};
const CpuInfo& cpuInfo();

// Every variant compiled in and runnable here, slowest first.
std::vector<const Target*> runnableTargets();
// Called once at load. `forced` is the value of ROTOR_CPU or empty; throws OpError when it cannot be had.
void selectTarget(const std::string& forced);

}  // namespace rotor
