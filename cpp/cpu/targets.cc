#include "targets.h"

#include <thread>
#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace rotor {
namespace {

const Target* active = &kScalarTarget;

CpuInfo detect() {
  CpuInfo info;
  const unsigned n = std::thread::hardware_concurrency();
  info.cores = n > 0 ? int(n) : 1;
#if defined(__x86_64__)
  unsigned a, b, c, d;
  if (__get_cpuid(1, &a, &b, &c, &d)) {
    const bool fma = c & (1u << 12), f16c = c & (1u << 29), osxsave = c & (1u << 27);
    unsigned xcr0 = 0, hi = 0;
    if (osxsave) __asm__ volatile("xgetbv" : "=a"(xcr0), "=d"(hi) : "c"(0));
    const bool ymm = (xcr0 & 6) == 6;
    if (__get_cpuid_count(7, 0, &a, &b, &c, &d)) info.avx2 = (b & (1u << 5)) && fma && f16c && ymm;
  }
  unsigned brand[12];
  bool known = true;
  for (unsigned i = 0; i < 3; ++i)
    known = known && __get_cpuid(0x80000002 + i, &brand[4 * i], &brand[4 * i + 1], &brand[4 * i + 2], &brand[4 * i + 3]);
  if (known) info.brand = std::string(reinterpret_cast<const char*>(brand), sizeof brand).c_str();
#endif
  return info;
}

}  // namespace

const CpuInfo& cpuInfo() {
  static const CpuInfo info = detect();
  return info;
}

std::vector<const Target*> runnableTargets() {
  std::vector<const Target*> list{&kScalarTarget};
#ifdef ROTOR_HAVE_AVX2
  if (cpuInfo().avx2) list.push_back(&kAvx2Target);
#endif
  return list;
}

const Target& activeTarget() { return *active; }

const Target* findTarget(const char* name) {
  for (const Target* t : runnableTargets())
    if (std::string(name) == t->name) return t;
  return nullptr;
}

void selectTarget(const std::string& forced) {
  const std::vector<const Target*> list = runnableTargets();
  if (forced.empty()) {
    active = list.back();
    return;
  }
  if (const Target* t = findTarget(forced.c_str())) {
    active = t;
    return;
  }
  std::string names;
  for (const Target* t : list) names += (names.empty() ? "" : ", ") + std::string(t->name);
  throw OpError("DEVICE", "[deviceInfo] expected ROTOR_CPU to be one of " + names + " on this machine, received \"" + forced + "\". Unset it to choose the best one.");
}

}  // namespace rotor
