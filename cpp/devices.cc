#include "devices.h"

#include <dlfcn.h>

#include <map>
#include <memory>
#include <mutex>
#include <vector>

namespace rotor {
namespace {

std::mutex mutex;
// Never destroyed: devices stay until the process ends.
std::vector<std::unique_ptr<OpenDevice>>& opened = *new std::vector<std::unique_ptr<OpenDevice>>;
std::map<std::string, const DeviceTable*>& libraries = *new std::map<std::string, const DeviceTable*>;

// Error codes come from another library: OpError keeps a pointer, so it gets one that stays.
const char* knownCode(const std::string& code) {
  for (const char* known : {"SHAPE", "DTYPE", "DEVICE", "UNSUPPORTED", "OPTION", "LOAD"})
    if (code == known) return known;
  return "NATIVE";
}

[[noreturn]] void fail(const DeviceTable& table) { throw OpError(knownCode(table.errorCode()), table.error()); }

const DeviceTable* loadLibrary(const std::string& path) {
  const auto known = libraries.find(path);
  if (known != libraries.end()) return known->second;
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library) throw OpError("DEVICE", std::string("[device] expected a loadable library, received: ") + dlerror() + ". Build it again.");
  const auto get = reinterpret_cast<DeviceTableFn>(dlsym(library, kDeviceTableName));
  const DeviceTable* table = get ? get() : nullptr;
  if (!table || table->abi != kAbiVersion)
    throw OpError("DEVICE", "[device] expected a library of version " + std::to_string(kAbiVersion) + " at " + path + ", received another one. Build it again.");
  libraries[path] = table;
  return table;
}

}  // namespace

void OpenDevice::need(bool ok) const {
  if (!ok) fail(*table_);
}

DeviceInfo OpenDevice::info() const {
  DeviceInfo info{};
  need(table_->info(device_, &info));
  return info;
}

char* OpenDevice::alloc(size_t bytes) const {
  void* memory = nullptr;
  need(table_->alloc(device_, bytes, &memory));
  return static_cast<char*>(memory);
}

DeviceProgram* OpenDevice::programCreate(const DeviceCall* calls, size_t count) const {
  DeviceProgram* program = nullptr;
  need(table_->programCreate(device_, calls, count, &program));
  return program;
}

const OpenDevice& openDevice(const std::string& name, const std::string& path, int index) {
  std::lock_guard<std::mutex> lock(mutex);
  for (const auto& device : opened)
    if (device->name() == name) return *device;
  const DeviceTable* table = loadLibrary(path);
  Device* device = nullptr;
  if (!table->open(index, &device)) fail(*table);
  opened.push_back(std::make_unique<OpenDevice>(name, table, device));
  return *opened.back();
}

const OpenDevice* findDevice(uint32_t id) {
  std::lock_guard<std::mutex> lock(mutex);
  return id >= 1 && id <= opened.size() ? opened[id - 1].get() : nullptr;
}

uint32_t deviceId(const OpenDevice& device) {
  std::lock_guard<std::mutex> lock(mutex);
  for (size_t i = 0; i < opened.size(); ++i)
    if (opened[i].get() == &device) return uint32_t(i + 1);
  return 0;
}

}  // namespace rotor
