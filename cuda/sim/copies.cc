// cp.async: a copy lands when its group is waited for, or at a random moment before.
#include "ptx.h"
#include "run.h"

namespace rotor {
namespace cuda {
namespace sim {
namespace {

void land(Lane& lane, size_t count) {
  for (size_t i = 0; i < count; ++i) std::memcpy(lane.copies[i].to, lane.copies[i].from, lane.copies[i].bytes);
  lane.copies.erase(lane.copies.begin(), lane.copies.begin() + std::ptrdiff_t(count));
}

}  // namespace

void copyStart(void* to, const void* from, size_t bytes, Where where) {
  if ((reinterpret_cast<uintptr_t>(to) | reinterpret_cast<uintptr_t>(from)) % bytes != 0) fail("cp.async with an address that is no multiple of " + std::to_string(bytes), where);
  const char* shared = static_cast<const char*>(sharedMemory());
  if (to < shared || static_cast<char*>(to) + bytes > shared + sharedBytes()) fail("cp.async to an address outside of shared memory", where);
  Lane& lane = *current;
  if (lane.block->run->oneIn(8)) {
    std::memcpy(to, from, bytes);
    return;
  }
  lane.copies.push_back({to, from, bytes});
}

// groups[i]: how many copies, from the first one that is under way, belong to groups 0 to i.
void copyCommit() { current->groups.push_back(current->copies.size()); }

void copyWait(int groupsLeft) {
  Lane& lane = *current;
  if (lane.groups.size() <= size_t(groupsLeft)) return;
  const size_t done = lane.groups.size() - size_t(groupsLeft), count = lane.groups[done - 1];
  land(lane, count);
  lane.groups.erase(lane.groups.begin(), lane.groups.begin() + std::ptrdiff_t(done));
  for (size_t& group : lane.groups) group -= count;
}

}  // namespace sim
}  // namespace cuda
}  // namespace rotor
