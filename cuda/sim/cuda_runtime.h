// The simulator: stands in for the toolkit's header of this name, so that kernels and backend are compiled by a C++ compiler and run
// on the CPU. For tests: slow, and strict where a GPU would be silent.
//
// Threads of a block are fibers in a random order (scheduler.h, ROTOR_SIM_SEED); barriers and warp operations are rendezvous, which
// report threads that never come, come to something else, or have ended. Blocks run one after the other in a random order: nothing
// may wait for another block. Device and shared memory are poisoned, and end in bytes that are checked, or where AddressSanitizer sees.
// Launches run at once; captured ones are kept as closures and run again with the graph. Tensor-core instructions are computed from
// the fragment maps of the PTX ISA (ptx.h). Not modelled: caches and their order of writes, time, blocks that run beside each other.
// The chip is a made-up one of capability 9.0; ROTOR_SIM_ARCH=80 or 100 makes it another.
#pragma once
#include "cooperation.h"
#include "runtime.h"
