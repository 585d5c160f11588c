#include "pool.h"

#include <immintrin.h>
#include <sched.h>

#include <chrono>

namespace rotor {
namespace {

constexpr int kSpinsBeforeYield = 4000;                         // about 50 us
constexpr std::chrono::microseconds kSpinBeforePark{2000};      // idle costs nothing after 2 ms

inline void relax() {
#if defined(__x86_64__)
  _mm_pause();
#endif
}

// Spins until `ready`, giving the core away now and then.
template <class F>
void spinUntil(F ready) {
  for (int spins = 0; !ready(); ++spins) {
    if (spins < kSpinsBeforeYield) relax();
    else sched_yield();
  }
}

}  // namespace

void Barrier::wait() {
  if (count_ == 1) return;
  const uint32_t phase = phase_.load(std::memory_order_relaxed);
  if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == count_) {
    arrived_.store(0, std::memory_order_relaxed);
    phase_.store(phase + 1, std::memory_order_release);
    return;
  }
  spinUntil([&] { return phase_.load(std::memory_order_acquire) != phase; });
}

void Worker::sync() const {
  if (count > 1) barrier->wait();
}

Pool::Pool(int threads) : threads_(threads), barrier_(threads) {
  for (int i = 1; i < threads; ++i) workers_.emplace_back([this, i] { loop(i); });
}

Pool::~Pool() {
  {
    std::lock_guard<std::mutex> lock(parkMutex_);
    stop_ = true;
    park_.notify_all();
  }
  for (std::thread& t : workers_) t.join();
}

void Pool::run(const Job& job) {
  std::lock_guard<std::mutex> turn(turn_);
  if (threads_ == 1) {
    Worker self;
    job(self);
    return;
  }
  job_ = &job;
  done_.store(0, std::memory_order_relaxed);
  epoch_.fetch_add(1, std::memory_order_seq_cst);
  if (parked_.load(std::memory_order_seq_cst) > 0) {
    std::lock_guard<std::mutex> lock(parkMutex_);
    park_.notify_all();
  }
  Worker self{0, threads_, &barrier_};
  job(self);
  spinUntil([&] { return done_.load(std::memory_order_acquire) == threads_ - 1; });
}

void Pool::loop(int index) {
  uint64_t seen = 0;
  for (;;) {
    const auto deadline = std::chrono::steady_clock::now() + kSpinBeforePark;
    int spins = 0;
    while (epoch_.load(std::memory_order_acquire) == seen) {
      relax();
      if (stop_) return;
      if (++spins < kSpinsBeforeYield) continue;
      sched_yield();
      if (std::chrono::steady_clock::now() < deadline) continue;
      std::unique_lock<std::mutex> lock(parkMutex_);
      parked_.fetch_add(1, std::memory_order_seq_cst);
      park_.wait(lock, [&] { return stop_ || epoch_.load(std::memory_order_seq_cst) != seen; });
      parked_.fetch_sub(1, std::memory_order_seq_cst);
      if (stop_) return;
    }
    seen = epoch_.load(std::memory_order_acquire);
    Worker self{index, threads_, &barrier_};
    (*job_)(self);
    done_.fetch_add(1, std::memory_order_acq_rel);
  }
}

namespace {
std::mutex poolMutex;
std::shared_ptr<Pool> current;
}  // namespace

std::shared_ptr<Pool> pool() {
  std::lock_guard<std::mutex> lock(poolMutex);
  if (!current) {
    const unsigned n = std::thread::hardware_concurrency();
    current = std::make_shared<Pool>(n > 0 ? int(n) : 1);
  }
  return current;
}

void setThreads(int threads) {
  auto next = std::make_shared<Pool>(threads);
  std::lock_guard<std::mutex> lock(poolMutex);
  current.swap(next);  // the old pool ends when its last job does
}

}  // namespace rotor
