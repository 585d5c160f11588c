// The simulator of a GPU, for tests: a header of the toolkit's name, so that the kernels' own source is compiled by a C++ compiler.
//
// Threads of a block are fibers of one host thread. A fiber runs until it must wait; who runs next is drawn at random (ROTOR_SIM_SEED,
// named in every error). Blocks run in a random order, up to three at a time. Lanes of a warp are NOT in lockstep: __syncthreads is a
// rendezvous of all threads of the block, at one line, and a warp operation one of exactly the lanes in its mask. So a result that
// needs an order that nothing enforces differs from seed to seed. What never arrives (exited threads, lanes in a mask, different
// operations) is an error that names kernel, block, threads and lines.
// Memory from cudaMalloc and shared memory are undefined at first: NaN as any float. Writes around them are found (by canaries after
// each launch, at once under ASan). cp.async lands when it is waited for, or at a random moment before.
// Kernels run when the host synchronises, or when something else is submitted. One that is launched early may run, as far as its
// dependencyWait(), before the kernels it depends on: what it reads there too soon is old.
// A failed launch gives cudaErrorLaunchFailure, for good, as on a GPU; sim::lastFailure() says why.
//
// Not modelled: time, caches and memory order (threads take turns, so a missing __threadfence does not show), bank conflicts, register
// and occupancy limits, several devices that differ, inter-block spinning (it would hang), approximate instructions.
#pragma once
#include "atomics.h"
#include "intrinsics.h"
#include "runtime.h"
#include "scheduler.h"
#include "types.h"
#include "warp.h"
