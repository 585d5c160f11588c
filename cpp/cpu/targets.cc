#include "targets.h"

#include <thread>
#if defined(__x86_64__)
#include <cpuid.h>
#endif
#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace rotor {
namespace {

const Target* active = &kScalarTarget;

// Tile registers are large, so Linux keeps them for processes that ask. Threads made later inherit the answer.
bool mayUseTiles() {
#if defined(__linux__) && defined(__x86_64__)
  constexpr long kRequestPermission = 0x1023, kTileData = 18;  // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA
  return syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
#else
  return false;
#endif
}

CpuInfo detect() {
  CpuInfo info;
  const unsigned n = std::thread::hardware_concurrency();
  info.cores = n > 0 ? int(n) : 1;
#if defined(__x86_64__)
  unsigned a, b, c, d;
  const auto bit = [](unsigned word, int i) { return (word >> i & 1) != 0; };
  if (__get_cpuid(1, &a, &b, &c, &d)) {
    const bool fma = bit(c, 12), osxsave = bit(c, 27), f16c = bit(c, 29);
    unsigned xcr0 = 0, hi = 0;  // the register state that the OS keeps
    if (osxsave) __asm__ volatile("xgetbv" : "=a"(xcr0), "=d"(hi) : "c"(0));
    const bool ymm = (xcr0 & 0x6) == 0x6, zmm = (xcr0 & 0xe6) == 0xe6, tiles = (xcr0 & 0x60000) == 0x60000;
    if (__get_cpuid_count(7, 0, &a, &b, &c, &d)) {
      info.avx2 = bit(b, 3) && bit(b, 5) && bit(b, 8) && fma && f16c && ymm;
      info.avx512 = info.avx2 && bit(b, 16) && bit(b, 17) && bit(b, 30) && bit(b, 31) && bit(c, 11) && zmm;
      info.amx = info.avx512 && bit(d, 24) && bit(d, 25) && tiles && mayUseTiles();
    }
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
  std::vector<const Target*> list;
#ifdef ROTOR_HAVE_SIM
  if (cpuInfo().avx2) list.insert(list.end(), {&kAmxSimTarget, &kAvx512SimTarget});
#endif
  list.push_back(&kScalarTarget);
#ifdef ROTOR_HAVE_AVX2
  if (cpuInfo().avx2) list.push_back(&kAvx2Target);
#endif
#ifdef ROTOR_HAVE_AVX512
  if (cpuInfo().avx512) list.push_back(&kAvx512Target);
#endif
#ifdef ROTOR_HAVE_AMX
  if (cpuInfo().amx) list.push_back(&kAmxTarget);
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
