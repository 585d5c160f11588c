// Running calls: one at a time (eager) or a whole list on the pool (a captured program).
#pragma once
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "validate.h"

namespace rotor {

// Calls below this much work run on the calling thread: a fork costs more than it saves.
constexpr double kParallelWork = 32768;

// How the pool is used: by the amount of work, or on all threads whatever the size (for tests).
enum class Spread { byWork, always };

// Throws OpError when a kernel met bad data.
void runCall(Call* call, Spread spread);

class Program {
 public:
  // Checks every record, all on one device; throws OpError naming the first bad one.
  Program(const Record* records, size_t count);
  ~Program();
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;
  size_t size() const { return calls_.size(); }
  // Runs all records in order. One step at a time: concurrent callers queue.
  void step();
  // As step(), and writes the microseconds of each record into `us`.
  void profile(double* us);

 private:
  void execute(double* us);
  std::vector<Call> calls_;
  std::unique_ptr<Buffer> scratch_;
  const OpenDevice* device_ = nullptr;  // null: the CPU
  DeviceProgram* deviceProgram_ = nullptr;
  Fault fault_;
  std::mutex mutex_;
};

// Program ids for TypeScript.
uint32_t addProgram(std::shared_ptr<Program> program);
std::shared_ptr<Program> findProgram(uint32_t id);
bool freeProgram(uint32_t id);

}  // namespace rotor
