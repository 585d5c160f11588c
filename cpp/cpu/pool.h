// The persistent thread pool: workers spin between the ops of a step and sleep when idle.
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

// A place to wait for a condition. Spins first; then sleeps, because the thread that is waited for may need this very core
// (yielding is not enough: the scheduler may let a spinning thread run on to the end of its slice, 8 ms and more).
class Waiting {
 public:
  // Returns when `ready()` is true, and whether it had to sleep. Whoever makes it true must call wake() afterwards.
  template <class Ready>
  bool until(int64_t spinMicros, Ready ready);
  void wake();

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::atomic<int> sleepers_{0};
};

// Barrier over a fixed number of threads, which it keeps on CPUs of their own: the scheduler likes to wake a thread on the CPU
// of its waker and leaves it there, and two threads on one CPU would take turns at every barrier.
class Barrier {
 public:
  explicit Barrier(int count);
  // `index` is the caller's, from 0 to count - 1.
  void wait(int index);
  // Moves the calling thread away from a CPU that another of the threads was seen on.
  void spreadOut(int index);

 private:
  const int count_;
  std::unique_ptr<std::atomic<int>[]> cpus_;  // where each thread was last seen
  alignas(64) std::atomic<int> arrived_{0};
  alignas(64) std::atomic<uint32_t> phase_{0};
  Waiting waiting_;
};

// How many pieces of each worker's range have been taken. Two sets of counters take turns: workers pass a barrier between two uses,
// so when one set is opened nobody is in the other any more.
class Shares {
 public:
  explicit Shares(int count);
  // Before a job: every worker starts with the first set.
  void reset();
  void open(int index);
  int64_t take(int index, int owner);

 private:
  struct alignas(64) Own {
    std::atomic<int64_t> taken[2];
    uint32_t uses;  // of this worker, the same in all of them
  };
  std::vector<Own> own_;
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
  Worker worker(int index);

  const int threads_;
  Barrier barrier_;
  Shares shares_;
  std::mutex turn_;  // one job at a time
  const Job* job_ = nullptr;
  std::atomic<uint64_t> epoch_{0};
  std::atomic<int> done_{0};
  std::atomic<bool> stop_{false};
  Waiting idle_;    // workers, for the next job
  Waiting joined_;  // the caller, for the workers' end of the job
  std::vector<std::thread> workers_;
};

// The process-wide pool. setThreads waits for the running job.
std::shared_ptr<Pool> pool();
void setThreads(int threads);

}  // namespace rotor
