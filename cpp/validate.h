// Turns a record into a checked call. Nothing the caller wrote is trusted.
#pragma once
#include <vector>

#include "backend.h"
#include "buffers.h"

namespace rotor {

// A record whose every index, extent, dtype and shape was checked, with its buffers held alive.
struct Call {
  uint32_t opcode = 0;
  const OpenDevice* device = nullptr;  // where the operands are; null: the CPU
  double attrs[kMaxAttrs] = {};
  Args args;
  Plan plan;
  BufferRef buffers[kMaxIn + kMaxOut];
  // args.attrs points into this object: fix it after a copy or move.
  void rebind() { args.attrs = attrs; }
};

// Throws OpError with code SHAPE, DTYPE, DEVICE, DISPOSED or NATIVE. `cpu` will run the call, if its operands are there.
void resolve(const Record& record, const Target& cpu, Call* call);

// Throws OpError with code LOAD if a file under an operand was cut short: what the call computed is worth nothing.
void checkMappings(const Call& call);

}  // namespace rotor
