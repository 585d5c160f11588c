#include "affinity.h"

#ifdef __linux__
#include <sched.h>
#endif

namespace rotor {

#ifdef __linux__

int currentCpu() { return sched_getcpu(); }

void leaveCpus(const int* taken, int count) {
  cpu_set_t allowed, wanted;
  if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return;
  wanted = allowed;
  for (int i = 0; i < count; ++i)
    if (taken[i] >= 0 && taken[i] < CPU_SETSIZE) CPU_CLR(taken[i], &wanted);
  if (CPU_COUNT(&wanted) == 0) return;
  if (sched_setaffinity(0, sizeof wanted, &wanted) == 0) sched_setaffinity(0, sizeof allowed, &allowed);
}

#else

int currentCpu() { return -1; }
void leaveCpus(const int*, int) {}

#endif

}  // namespace rotor
