// A device other than the CPU: a library behind a plain table of functions, loaded when it is first asked for. Both sides are built
// from this header by one compiler, and compare `abi`.
#pragma once
#include <cstddef>
#include <cstdint>

#include "backend.h"

namespace rotor {

// One opened device, and one captured program on it; only the library knows what is inside.
struct Device;
struct DeviceProgram;

struct DeviceInfo {
  char name[128];
  char architecture[16];  // such as "sm_90"
  int multiprocessors;
  int driver, runtime;  // CUDA versions, such as 13000
  double memoryBytes, freeBytes;
};

// A checked call. The scratch that `args` may need is the library's.
struct DeviceCall {
  uint32_t opcode;
  const Args* args;
};

// Functions that can fail return false; error() and errorCode() then tell this thread why, in the words and codes of OpError.
struct DeviceTable {
  uint32_t abi;
  // Its name, and the order of its packed weights; it has no CPU kernels.
  const Target* target;
  const char* (*error)();
  const char* (*errorCode)();
  bool (*open)(int index, Device** device);
  bool (*info)(Device* device, DeviceInfo* info);
  // Whether there is a kernel for the op.
  bool (*supports)(uint32_t opcode);
  // Zeroed memory, aligned to 256 bytes.
  bool (*alloc)(Device* device, size_t bytes, void** memory);
  bool (*release)(Device* device, void* memory);
  bool (*upload)(Device* device, void* to, const void* from, size_t bytes);
  bool (*download)(Device* device, void* to, const void* from, size_t bytes);
  bool (*move)(Device* device, void* to, const void* from, size_t bytes);
  // Runs one call and waits for it.
  bool (*run)(Device* device, const DeviceCall* call);
  // A list of calls as a graph. The calls must live as long as the program.
  bool (*programCreate)(Device* device, const DeviceCall* calls, size_t count, DeviceProgram** program);
  bool (*programStep)(DeviceProgram* program);
  // As programStep, and writes the microseconds of each call.
  bool (*programProfile)(DeviceProgram* program, double* us);
  void (*programFree)(DeviceProgram* program);
  // Bytes per second of each of `repeats` reads of `bytes` bytes.
  bool (*readBandwidth)(Device* device, size_t bytes, int repeats, double* samples);
};

using DeviceTableFn = const DeviceTable* (*)();
constexpr const char* kDeviceTableName = "rotor_device_table";

}  // namespace rotor
