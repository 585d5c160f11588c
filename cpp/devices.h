// Devices other than the CPU, each behind the table of its library. See device.h.
#pragma once
#include <string>

#include "device.h"

namespace rotor {

// An opened device. Stays for the life of the process.
class OpenDevice {
 public:
  OpenDevice(std::string name, const DeviceTable* table, Device* device) : name_(std::move(name)), table_(table), device_(device) {}
  const std::string& name() const { return name_; }
  const Target& target() const { return *table_->target; }

  DeviceInfo info() const;
  bool supports(uint32_t opcode) const { return table_->supports(opcode); }
  char* alloc(size_t bytes) const;
  void release(char* memory) const { table_->release(device_, memory); }
  void upload(char* to, const void* from, size_t bytes) const { need(table_->upload(device_, to, from, bytes)); }
  void download(void* to, const char* from, size_t bytes) const { need(table_->download(device_, to, from, bytes)); }
  void move(char* to, const char* from, size_t bytes) const { need(table_->move(device_, to, from, bytes)); }
  void run(const DeviceCall& call) const { need(table_->run(device_, &call)); }
  DeviceProgram* programCreate(const DeviceCall* calls, size_t count) const;
  void programStep(DeviceProgram* program) const { need(table_->programStep(program)); }
  void programProfile(DeviceProgram* program, double* us) const { need(table_->programProfile(program, us)); }
  void programFree(DeviceProgram* program) const { table_->programFree(program); }
  void readBandwidth(size_t bytes, int repeats, double* samples) const { need(table_->readBandwidth(device_, bytes, repeats, samples)); }

 private:
  // Throws the library's error as OpError.
  void need(bool ok) const;

  std::string name_;
  const DeviceTable* table_;
  Device* device_;
};

// Opens device `index` of the library at `path`, once for each name. Throws OpError("DEVICE") saying what is missing.
const OpenDevice& openDevice(const std::string& name, const std::string& path, int index);
// The device of that number, as devices are opened from 1 on; null for others.
const OpenDevice* findDevice(uint32_t id);
uint32_t deviceId(const OpenDevice& device);

}  // namespace rotor
