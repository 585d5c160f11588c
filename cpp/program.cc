#include "program.h"

#include <chrono>
#include <string>
#include <unordered_map>

#include "cpu/pool.h"
#include "fault.h"

namespace rotor {
namespace {

bool isParallel(const Plan& plan) { return plan.parallel && plan.work >= kParallelWork; }

void checkFault(const Fault& fault, const char* name) {
  if (fault.raised) throw faultError(name, fault.value, fault.limit);
}

}  // namespace

void runCall(Call* call, Spread spread) {
  if (call->device) return call->device->run({call->opcode, &call->args});
  Fault fault;
  call->args.fault = &fault;
  // One-off calls of many sizes: scratch comes and goes with the call.
  std::unique_ptr<Buffer> scratch;
  if (call->plan.scratch > 0) {
    scratch = std::make_unique<Buffer>(call->plan.scratch);
    call->args.scratch = scratch->data();
  }
  const KernelFn kernel = call->args.target->kernels[call->opcode];
  if (isParallel(call->plan) || (spread == Spread::always && call->plan.parallel)) {
    pool()->run([&](const Worker& w) { kernel(call->args, w); });
  } else {
    Worker self;
    kernel(call->args, self);
  }
  if (anyMappingLost()) checkMappings(*call);
  checkFault(fault, kOps[call->opcode].name);
}

Program::Program(const Record* records, size_t count) : calls_(count) {
  size_t scratch = 0;
  for (size_t i = 0; i < count; ++i) {
    try {
      resolve(records[i], activeTarget(), &calls_[i]);
    } catch (const OpError& e) {
      throw OpError(e.code, std::string(e.what()) + " (record " + std::to_string(i) + " of the program)");
    }
    if (calls_[i].device != calls_[0].device)
      throw OpError("DEVICE", "[program] expected records of one device, received another one in record " + std::to_string(i) + ".");
    if (calls_[i].plan.scratch > scratch) scratch = calls_[i].plan.scratch;
  }
  for (Call& call : calls_) call.rebind();
  device_ = calls_[0].device;
  if (device_) {
    std::vector<DeviceCall> list;
    for (const Call& call : calls_) list.push_back({call.opcode, &call.args});
    deviceProgram_ = device_->programCreate(list.data(), list.size());
    return;
  }
  if (scratch > 0) scratch_ = std::make_unique<Buffer>(scratch);
  for (Call& call : calls_) {
    call.args.scratch = scratch_ ? scratch_->data() : nullptr;
    call.args.fault = &fault_;
  }
}

Program::~Program() {
  if (deviceProgram_) device_->programFree(deviceProgram_);
}

void Program::step() { execute(nullptr); }
void Program::profile(double* us) { execute(us); }

void Program::execute(double* us) {
  using Clock = std::chrono::steady_clock;
  std::lock_guard<std::mutex> lock(mutex_);
  if (device_) return us ? device_->programProfile(deviceProgram_, us) : device_->programStep(deviceProgram_);
  fault_.raised = 0;
  const size_t count = calls_.size();
  size_t bad = count;
  pool()->run([&](const Worker& w) {
    bool ranAlone = false;  // the last calls ran on worker 0 only: the others must wait for them
    auto start = Clock::now();
    for (size_t i = 0; i < count; ++i) {
      const Call& call = calls_[i];
      const KernelFn kernel = call.args.target->kernels[call.opcode];
      if (w.count > 1 && isParallel(call.plan)) {
        if (ranAlone) w.sync();
        kernel(call.args, w);
        w.sync();
        ranAlone = false;
      } else {
        if (w.index == 0) {
          Worker self;
          kernel(call.args, self);
        }
        ranAlone = true;
      }
      if (w.index == 0) {
        if (bad == count && fault_.raised) bad = i;
        if (us) {
          const auto now = Clock::now();
          us[i] = std::chrono::duration<double, std::micro>(now - start).count();
          start = now;
        }
      }
    }
  });
  if (anyMappingLost())
    for (const Call& call : calls_) checkMappings(call);
  if (bad < count) checkFault(fault_, kOps[calls_[bad].opcode].name);
}

namespace {
std::mutex tableMutex;
std::unordered_map<uint32_t, std::shared_ptr<Program>>& programs = *new std::unordered_map<uint32_t, std::shared_ptr<Program>>;  // never destroyed, as buffers
uint32_t nextProgram = 1;
}  // namespace

uint32_t addProgram(std::shared_ptr<Program> program) {
  std::lock_guard<std::mutex> lock(tableMutex);
  while (nextProgram == 0 || programs.count(nextProgram)) ++nextProgram;
  programs.emplace(nextProgram, std::move(program));
  return nextProgram++;
}

std::shared_ptr<Program> findProgram(uint32_t id) {
  std::lock_guard<std::mutex> lock(tableMutex);
  auto it = programs.find(id);
  return it == programs.end() ? nullptr : it->second;
}

bool freeProgram(uint32_t id) {
  std::lock_guard<std::mutex> lock(tableMutex);
  return programs.erase(id) > 0;
}

}  // namespace rotor
