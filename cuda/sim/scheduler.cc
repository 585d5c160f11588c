#include "scheduler.h"

#include <algorithm>

#include "run.h"

namespace rotor {
namespace cuda {
namespace sim {
namespace {

Lane& lane() { return *current; }
Run& run() { return *current->block->run; }

bool same(const char* a, const char* b) { return a == b || std::strcmp(a, b) == 0; }

}  // namespace

void fail(const std::string& text, Where where) {
  run().failNow(text, where);
}

void mayYield() {
  if (run().oneIn(8)) run().yield(lane());
}

int laneOf() { return current->index & 31; }

void meetWarp(const char* name, uint32_t mask, void* data, Combine combine, Where where) {
  Lane& me = lane();
  const int index = me.index & 31;
  if (!(mask >> index & 1u)) fail(std::string(name) + " by lane " + std::to_string(index) + ", which is not in its mask", where);
  std::vector<Meeting>& open = me.block->open[size_t(me.index) / 32];
  size_t at = 0;
  while (at < open.size() && !(open[at].mask >> index & 1u)) ++at;
  if (at == open.size()) {
    // The other lanes of the mask must not be awaited elsewhere.
    for (const Meeting& m : open)
      if (m.mask & mask) fail(std::string(name) + " has lanes in its mask that are awaited in " + m.name, where);
    open.emplace_back();
    open[at].name = name;
    open[at].mask = mask;
    open[at].combine = combine;
  }
  Meeting& meeting = open[at];
  if (meeting.mask != mask || !same(meeting.name, name))
    fail(std::string(name) + " meets other lanes in " + meeting.name + (meeting.mask != mask ? " with another mask" : ""), where);
  meeting.arrived |= 1u << index;
  meeting.data[index] = data;
  if (meeting.arrived != mask) {
    me.operation = name;
    me.mask = mask;
    me.where = where;
    run().waitUntilWoken(me);
    me.mask = 0;
    return;
  }
  if (combine) combine(meeting.data, mask);
  open.erase(open.begin() + std::ptrdiff_t(at));
  Lane* first = me.block->lanes.data() + (me.index & ~31);
  for (int i = 0; i < 32; ++i)
    if (i != index && mask >> i & 1u) run().wake(first[i]);
  if (run().oneIn(2)) run().yield(me);
}

Votes meetBlock(const char* name, bool vote, Where where) {
  Lane& me = lane();
  Block& block = *me.block;
  if (block.arrived == 0) {
    block.barrier = name;
    block.barrierWhere = where;
    block.votes = 0;
  } else if (!same(block.barrier, name) || block.barrierWhere.line != where.line || !same(block.barrierWhere.file, where.file)) {
    fail(std::string(name) + " meets threads that wait in " + block.barrier + " of line " + std::to_string(block.barrierWhere.line), where);
  }
  block.votes += vote;
  if (++block.arrived < block.lanes.size()) {
    me.operation = name;
    me.where = where;
    run().waitUntilWoken(me);
    return me.votes;
  }
  block.arrived = 0;
  const Votes votes = {block.votes > 0, block.votes == block.lanes.size(), int(block.votes)};
  for (Lane& other : block.lanes) other.votes = votes;
  run().wakeAll(block, &me);
  if (run().oneIn(2)) run().yield(me);
  return votes;
}

void* sharedMemory() {
  if (!current->block->shared) fail("shared memory is used, but the launch gave none");
  return current->block->shared;
}

size_t sharedBytes() { return run().kernel().shared; }

void waitForEarlier() { run().waitForEarlier(lane()); }

}  // namespace sim
}  // namespace cuda
}  // namespace rotor
