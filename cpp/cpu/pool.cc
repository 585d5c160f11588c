#include "pool.h"

#include <chrono>
#include <vector>

#include "affinity.h"
#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace rotor {
namespace {

constexpr int64_t kBarrierSpin = 100;  // microseconds; more than the threads of a step usually differ
constexpr int64_t kIdleSpin = 500;     // longer than the time between two tokens
constexpr int kSpinsPerLook = 32;      // between two looks at the clock

inline void relax() {
#if defined(__x86_64__)
  _mm_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

}  // namespace

template <class Ready>
bool Waiting::until(int64_t spinMicros, Ready ready) {
  using Clock = std::chrono::steady_clock;
  for (int i = 0; i < kSpinsPerLook; ++i) {
    if (ready()) return false;
    relax();
  }
  const auto deadline = Clock::now() + std::chrono::microseconds(spinMicros);
  do {
    for (int i = 0; i < kSpinsPerLook; ++i) {
      if (ready()) return false;
      relax();
    }
  } while (Clock::now() < deadline);
  std::unique_lock<std::mutex> lock(mutex_);
  sleepers_.fetch_add(1, std::memory_order_seq_cst);
  changed_.wait(lock, ready);
  sleepers_.fetch_sub(1, std::memory_order_seq_cst);
  return true;
}

void Waiting::wake() {
  // Either this sees the sleeper, or the sleeper sees what was changed before: both sides are sequentially consistent.
  std::atomic_thread_fence(std::memory_order_seq_cst);
  if (sleepers_.load(std::memory_order_seq_cst) == 0) return;
  std::lock_guard<std::mutex> lock(mutex_);
  changed_.notify_all();
}

Barrier::Barrier(int count) : count_(count), cpus_(new std::atomic<int>[size_t(count)]) {
  for (int i = 0; i < count; ++i) cpus_[i] = -1;
}

void Barrier::wait(int index) {
  const uint32_t phase = phase_.load(std::memory_order_relaxed);
  cpus_[index].store(currentCpu(), std::memory_order_relaxed);
  if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == count_) {
    arrived_.store(0, std::memory_order_relaxed);
    phase_.store(phase + 1, std::memory_order_seq_cst);
    waiting_.wake();
    return;
  }
  const bool slept = waiting_.until(kBarrierSpin, [&] { return phase_.load(std::memory_order_seq_cst) != phase; });
  if (slept) spreadOut(index);
}

void Barrier::spreadOut(int index) {
  const int mine = currentCpu();
  cpus_[index].store(mine, std::memory_order_relaxed);
  bool shared = false;
  std::vector<int> others;
  for (int i = 0; i < count_; ++i) {
    if (i == index) continue;
    others.push_back(cpus_[i].load(std::memory_order_relaxed));
    shared = shared || (mine >= 0 && others.back() == mine);
  }
  if (!shared) return;
  leaveCpus(others.data(), int(others.size()));
  cpus_[index].store(currentCpu(), std::memory_order_relaxed);
}

void Worker::sync() const {
  if (count > 1) barrier->wait(index);
}

Shares::Shares(int count) : own_(size_t(count)) { reset(); }

void Shares::reset() {
  for (Own& own : own_) {
    own.taken[0].store(0, std::memory_order_relaxed);
    own.taken[1].store(0, std::memory_order_relaxed);
    own.uses = 0;
  }
}

void Shares::open(int index) {
  Own& own = own_[index];
  own.taken[++own.uses % 2].store(0, std::memory_order_relaxed);
}

int64_t Shares::take(int index, int owner) {
  // The set that is not being cleared: see open().
  return own_[owner].taken[(own_[index].uses + 1) % 2].fetch_add(1, std::memory_order_relaxed);
}

void Worker::openShares() const { shares->open(index); }
int64_t Worker::takeShare(int owner) const { return shares->take(index, owner); }

Pool::Pool(int threads) : threads_(threads), barrier_(threads), shares_(threads) {
  for (int i = 1; i < threads; ++i) workers_.emplace_back([this, i] { loop(i); });
}

Pool::~Pool() {
  stop_ = true;
  idle_.wake();
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
  shares_.reset();
  done_.store(0, std::memory_order_relaxed);
  epoch_.fetch_add(1, std::memory_order_seq_cst);
  idle_.wake();
  barrier_.spreadOut(0);
  Worker self = worker(0);
  job(self);
  joined_.until(kBarrierSpin, [&] { return done_.load(std::memory_order_seq_cst) == threads_ - 1; });
}

Worker Pool::worker(int index) {
  Worker self;
  self.index = index;
  self.count = threads_;
  self.barrier = &barrier_;
  self.shares = &shares_;
  return self;
}

void Pool::loop(int index) {
  for (uint64_t seen = 0;; ++seen) {
    idle_.until(kIdleSpin, [&] { return stop_ || epoch_.load(std::memory_order_seq_cst) != seen; });
    if (stop_) return;
    barrier_.spreadOut(index);
    Worker self = worker(index);
    (*job_)(self);
    done_.fetch_add(1, std::memory_order_seq_cst);
    joined_.wake();
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
