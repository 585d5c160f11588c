#include "run.h"

#include <cstdio>
#include <numeric>

uint3 threadIdx, blockIdx;
dim3 blockDim, gridDim;

namespace rotor {
namespace cuda {
namespace sim {

Lane* current = nullptr;

namespace {

// Unwinds a thread whose launch has failed.
struct Stop {};

FiberPool& fibers() {
  static FiberPool& pool = *new FiberPool;  // never destroyed
  return pool;
}

std::string text(const uint3& v) { return "(" + std::to_string(v.x) + "," + std::to_string(v.y) + "," + std::to_string(v.z) + ")"; }

std::string text(Where where) {
  if (where.line == 0) return "";
  const std::string path = where.file;
  return " at " + path.substr(path.rfind('/') + 1) + ":" + std::to_string(where.line);
}

}  // namespace

Run::Run(const Kernel& kernel, uint64_t seed, uint64_t number) : kernel_(kernel), seed_(seed), number_(number) {
  random_.state = seed * 0x2545f4914f6cdd1dull + number;
  blocks_ = uint64_t(kernel.grid.x) * kernel.grid.y * kernel.grid.z;
  resident_ = size_t(1 + random_.below(3));
  released_ = !kernel.early;
  // Blocks in order, backwards, or at strides of a number that has no factor in common with their count.
  const uint64_t choice = random_.below(4);
  if (choice > 0) shift_ = random_.below(blocks_);
  if (choice == 1) factor_ = blocks_ - 1;
  if (choice > 1) factor_ = 1 + random_.below(blocks_);
  while (std::gcd(factor_, blocks_) != 1) factor_ = factor_ % blocks_ + 1;
}

Run::~Run() {
  for (auto* list : {&active_, &idle_})
    for (auto& block : *list) {
      for (Lane& lane : block->lanes)
        if (lane.fiber) fibers().give(lane.fiber);
      if (block->shared) guardedFree(block->shared, 1024);
    }
}

uint3 Run::blockAt(uint64_t order) const {
  __extension__ typedef unsigned __int128 wide;
  const uint64_t i = uint64_t((wide(order) * factor_ + shift_) % blocks_);
  return {unsigned(i % kernel_.grid.x), unsigned(i / kernel_.grid.x % kernel_.grid.y), unsigned(i / kernel_.grid.x / kernel_.grid.y)};
}

void Run::startBlock() {
  if (idle_.empty()) {
    idle_.push_back(std::make_unique<Block>());
    Block& block = *idle_.back();
    const dim3 d = kernel_.block;
    block.run = this;
    block.lanes.resize(size_t(d.x) * d.y * d.z);
    block.open.resize((block.lanes.size() + 31) / 32);
    block.wgmma.resize(block.open.size());
    for (size_t i = 0; i < block.lanes.size(); ++i) {
      Lane& lane = block.lanes[i];
      lane.index = int(i);
      lane.block = &block;
      lane.thread = {unsigned(i % d.x), unsigned(i / d.x % d.y), unsigned(i / d.x / d.y)};
    }
    if (kernel_.shared > 0) block.shared = static_cast<char*>(guardedAlloc(kernel_.shared, 1024));
  }
  active_.push_back(std::move(idle_.back()));
  idle_.pop_back();
  Block& block = *active_.back();
  block.index = blockAt(started_++);
  block.live = block.lanes.size();
  for (WgmmaQueue& queue : block.wgmma)
    if (queue.issued > 0 || queue.fenced) queue = {};
  if (block.shared) poison(block.shared, kernel_.shared, random_.below(2) == 0);
  wakeAll(block, nullptr);
}

void Run::endBlock(Block& block) {
  ++ended_;
  for (size_t warp = 0; warp < block.wgmma.size(); ++warp)
    if (block.wgmma[warp].issued != block.wgmma[warp & ~size_t(3)].issued) failure_ = place(block.index) + "wgmma was not issued by all four warps";
  if (block.shared) {
    const std::string wrong = guardedCheck(block.shared, kernel_.shared);
    if (!wrong.empty()) failure_ = place(block.index) + "its " + std::to_string(kernel_.shared) + " bytes of dynamic shared memory: " + wrong;
  }
  for (size_t i = 0; i < active_.size(); ++i)
    if (active_[i].get() == &block) {
      idle_.push_back(std::move(active_[i]));
      active_.erase(active_.begin() + std::ptrdiff_t(i));
      return;
    }
}

void Run::threadMain(void* argument) {
  Lane& lane = *static_cast<Lane*>(argument);
  Run& run = *lane.block->run;
  try {
    run.kernel_.body();
    lane.state = Lane::State::ended;
  } catch (const Stop&) {
  } catch (const std::exception& e) {
    run.failure_ = run.place(lane.block->index) + "exception: " + e.what();
  }
}

// Now the first one, now the last one, now any: a warp may run far ahead of the others, or all may take turns.
Lane* Run::next() {
  if (ready_.empty() && !late_.empty()) takeLate();
  if (ready_.empty()) return nullptr;
  if (--patience_ < 0) {
    patience_ = int(random_.below(400));
    mode_ = int(random_.below(3));
  }
  if (mode_ == 0) {
    Lane* lane = ready_.front();
    ready_.pop_front();
    return lane;
  }
  if (mode_ == 2) std::swap(ready_[random_.below(ready_.size())], ready_.back());
  Lane* lane = ready_.back();
  ready_.pop_back();
  return lane;
}

bool Run::loop() {
  blockDim = kernel_.block;
  gridDim = kernel_.grid;
  while (failure_.empty()) {
    while (started_ < blocks_ && active_.size() < resident_) startBlock();
    Lane* lane = next();
    if (!lane) {
      if (active_.empty()) return true;
      if (!released_ && !parked_.empty()) return true;  // everybody waits for earlier kernels, or for those who do
      describeDeadlock();
      break;
    }
    if (!lane->fiber) {
      lane->fiber = fibers().take();
      lane->fiber->start(threadMain, lane);
    }
    lane->state = Lane::State::ready;
    current = lane;
    threadIdx = lane->thread;
    blockIdx = lane->block->index;
    lane->fiber->resume();
    current = nullptr;
    if (lane->state != Lane::State::ended) continue;
    fibers().give(lane->fiber);
    lane->fiber = nullptr;
    lane->copies.clear();
    lane->groups.clear();
    if (--lane->block->live == 0) endBlock(*lane->block);
  }
  return false;
}

bool Run::begin() { return loop(); }

bool Run::finish() {
  released_ = true;
  for (Lane* lane : parked_) wake(*lane);
  parked_.clear();
  if (!loop()) return false;
  if (kernel_.early && !waited_) failure_ = "kernel " + nameOf(kernel_.function) + " was launched early and never called dependencyWait()";
  return failure_.empty();
}

std::string Run::place(const uint3& block) const {
  return "kernel " + nameOf(kernel_.function) + " [seed " + std::to_string(seed_) + ", launch " + std::to_string(number_) + "], block " + text(block) + ": ";
}

void Run::failNow(const std::string& what, Where where) {
  failure_ = place(current->block->index) + "thread " + text(current->thread) + ": " + what + text(where);
  throw Stop();
}

void Run::wake(Lane& lane) {
  lane.state = Lane::State::ready;
  ready_.push_back(&lane);
}

void Run::wakeAll(Block& block, const Lane* but) {
  const uint64_t choice = random_.below(3), warps = random_.next();
  const bool backwards = random_.below(2) == 0;
  const size_t count = block.lanes.size();
  for (size_t i = 0; i < count; ++i) {
    Lane& lane = block.lanes[backwards ? count - 1 - i : i];
    if (&lane == but) continue;
    const bool late = choice == 1 ? warps >> lane.index / 32 & 1u : choice == 2 && random_.below(2) == 0;
    lane.state = Lane::State::ready;
    if (late) late_.push_back(&lane);
    else ready_.push_back(&lane);
  }
}

// One warp's late lanes.
void Run::takeLate() {
  const Lane* chosen = late_[random_.below(late_.size())];
  size_t kept = 0;
  for (Lane* lane : late_) {
    if (lane->block == chosen->block && lane->index / 32 == chosen->index / 32) ready_.push_back(lane);
    else late_[kept++] = lane;
  }
  late_.resize(kept);
}

void Run::waitUntilWoken(Lane& lane) {
  lane.state = Lane::State::waiting;
  lane.fiber->suspend();
}

void Run::yield(Lane& lane) {
  ready_.push_back(&lane);
  lane.fiber->suspend();
}

void Run::waitForEarlier(Lane& lane) {
  waited_ = true;
  if (released_) return;
  lane.operation = "dependencyWait";
  parked_.push_back(&lane);
  waitUntilWoken(lane);
}

void Run::describeDeadlock() {
  // The first block that is stuck: threads by what they wait for.
  const Block& block = *active_.front();
  std::string what;
  size_t ended = 0;
  std::vector<std::pair<std::string, std::vector<int>>> groups;
  for (const Lane& lane : block.lanes) {
    if (lane.state == Lane::State::ended) {
      ++ended;
      continue;
    }
    std::string key = lane.operation + text(lane.where);
    if (lane.mask != 0) {
      char mask[32];
      std::snprintf(mask, sizeof mask, " with mask 0x%08x", lane.mask);
      key += mask;
    }
    size_t i = 0;
    while (i < groups.size() && groups[i].first != key) ++i;
    if (i == groups.size()) groups.push_back({key, {}});
    groups[i].second.push_back(lane.index);
  }
  for (const auto& [key, lanes] : groups) {
    what += std::to_string(lanes.size()) + " threads (";
    for (size_t i = 0; i < lanes.size() && i < 4; ++i) what += (i ? "," : "") + std::to_string(lanes[i]);
    what += std::string(lanes.size() > 4 ? ",…" : "") + ") wait in " + key + "; ";
  }
  failure_ = place(block.index) + "no thread can go on: " + what + std::to_string(ended) + " of " + std::to_string(block.lanes.size()) + " have ended";
}

}  // namespace sim
}  // namespace cuda
}  // namespace rotor
