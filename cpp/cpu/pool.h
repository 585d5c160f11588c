// The persistent thread pool: workers spin between the ops of a step and park when idle.
#pragma once
#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "../backend.h"

namespace rotor {

// Barrier over a fixed number of threads. Spins, then yields so that a busy core does not stall the step.
class Barrier {
 public:
  explicit Barrier(int count) : count_(count) {}
  void wait();

 private:
  const int count_;
  alignas(64) std::atomic<int> arrived_{0};
  alignas(64) std::atomic<uint32_t> phase_{0};
};

// Runs a job on `threads` threads, of which the caller is worker 0. One job at a time; callers queue.
class Pool {
 public:
  using Job = std::function<void(const Worker&)>;
  explicit Pool(int threads);
  ~Pool();
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;
  int threads() const { return threads_; }
  // Jobs must not throw.
  void run(const Job& job);

 private:
  void loop(int index);

  const int threads_;
  Barrier barrier_;
  std::mutex turn_;  // one job at a time
  std::mutex parkMutex_;
  std::condition_variable park_;
  const Job* job_ = nullptr;
  std::atomic<uint64_t> epoch_{0};
  std::atomic<int> done_{0};
  std::atomic<int> parked_{0};
  std::atomic<bool> stop_{false};
  std::vector<std::thread> workers_;
};

// The process-wide pool. setThreads waits for the running job.
std::shared_ptr<Pool> pool();
void setThreads(int threads);

}  // namespace rotor
