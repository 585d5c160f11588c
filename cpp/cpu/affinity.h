// Keeps the threads of a step on CPUs of their own.
#pragma once

namespace rotor {

// The CPU that the calling thread runs on, or -1 where the system does not tell.
int currentCpu();

// Moves the calling thread off the CPUs in `taken` (count of them), then lets it run anywhere it might before.
// Does nothing when no other CPU is allowed.
void leaveCpus(const int* taken, int count);

}  // namespace rotor
