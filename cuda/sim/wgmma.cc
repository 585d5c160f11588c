#include "wgmma.h"

#include "run.h"

namespace rotor {
namespace cuda {
namespace sim {
namespace {

struct Issue {
  int* c;
  const uint32_t* a;
  uint64_t matrix;
};

WgmmaQueue& queue() { return current->block->wgmma[size_t(current->index) / 32]; }

// Bytes of row `row` from column k: 16-byte pieces lie where three bits of the address say, as in the 128-byte swizzle.
int8_t byteAt(uint64_t matrix, int row, int k) {
  const uint64_t at = matrix + uint64_t(row) * 128 + uint64_t(k);
  return int8_t(current->block->shared[at ^ (at >> 7 & 7) << 4]);
}

void multiply(WgmmaQueue& q, WgmmaQueue::Product& p) {
  static int a[16][kWgmmaDepth], b[kWgmmaColumns][kWgmmaDepth];
  for (int lane = 0; lane < 32; ++lane)
    for (int r = 0; r < 4; ++r)
      for (int i = 0; i < 4; ++i) a[lane / 4 + 8 * (r % 2)][16 * (r / 2) + 4 * (lane % 4) + i] = int(p.a[lane][r] >> 8 * i & 0xffu);
  for (int n = 0; n < kWgmmaColumns; ++n)
    for (int k = 0; k < kWgmmaDepth; ++k) b[n][k] = byteAt(p.matrix, n, k);
  for (int lane = 0; lane < 32; ++lane) {
    std::vector<int>& sums = q.sums[p.c[lane]];
    for (int i = 0; i < kWgmmaSums; ++i) {
      const int row = lane / 4 + 8 * (i / 2 % 2), column = 8 * (i / 4) + 2 * (lane % 4) + i % 2;
      uint32_t sum = uint32_t(sums[size_t(i)]);
      for (int k = 0; k < kWgmmaDepth; ++k) sum += uint32_t(a[row][k] * b[column][k]);
      sums[size_t(i)] = int(sum);
    }
  }
  p.done = true;
}

void multiplyAll(WgmmaQueue& q, size_t count) {
  for (size_t i = 0; i < count; ++i)
    if (!q.products[i].done) multiply(q, q.products[i]);
}

void combineIssue(void* const* data, uint32_t) {
  WgmmaQueue& q = queue();
  WgmmaQueue::Product p = {};
  for (int lane = 0; lane < 32; ++lane) {
    const Issue& issue = *static_cast<const Issue*>(data[lane]);
    p.matrix = issue.matrix;
    p.c[lane] = issue.c;
    std::memcpy(p.a[lane], issue.a, sizeof p.a[lane]);
    if (q.sums.count(issue.c) == 0) q.sums[issue.c].assign(issue.c, issue.c + kWgmmaSums);
    poison(issue.c, kWgmmaSums * sizeof(int), true);
  }
  q.products.push_back(p);
  ++q.open;
  ++q.issued;
  // The matrix may be read at once, or as late as the wait.
  if (current->block->run->oneIn(2)) multiplyAll(q, q.products.size());
}

void combineFence(void* const*, uint32_t) { queue().fenced = true; }

void combineCommit(void* const*, uint32_t) {
  WgmmaQueue& q = queue();
  q.groups.push_back(q.open);
  q.open = 0;
}

void combineWait(void* const* data, uint32_t) {
  WgmmaQueue& q = queue();
  size_t count = 0;
  while (q.groups.size() > size_t(*static_cast<const int*>(data[0]))) {
    count += q.groups.front();
    q.groups.pop_front();
  }
  multiplyAll(q, count);
  q.products.erase(q.products.begin(), q.products.begin() + std::ptrdiff_t(count));
  for (auto sums = q.sums.begin(); sums != q.sums.end();) {
    bool busy = false;
    for (const WgmmaQueue::Product& p : q.products)
      for (const int* c : p.c) busy = busy || c == sums->first;
    if (busy) {
      ++sums;
      continue;
    }
    std::memcpy(sums->first, sums->second.data(), kWgmmaSums * sizeof(int));
    sums = q.sums.erase(sums);
  }
  if (count > 0) q.fenced = false;  // registers are free to be written
}

constexpr uint32_t kAll = 0xffffffffu;

}  // namespace

void wgmmaIssue(int* c, const uint32_t* a, uint64_t matrix, Where where) {
  if (current->block->lanes.size() % 128 != 0) fail("wgmma in a block that is no whole number of four warps", where);
  if ((matrix & 0x39f) != 0) fail("wgmma of a matrix that is not aligned to 1024 bytes", where);
  sharedMemory();
  if ((matrix & ~uint64_t(0x3ff)) + kWgmmaColumns * 128 > sharedBytes()) fail("wgmma of a matrix beyond shared memory", where);
  if (!queue().fenced) fail("wgmma without a wgmmaFence() after its registers were written", where);
  Issue mine = {c, a, matrix};
  meetWarp("wgmma", kAll, &mine, combineIssue, where);
}
void wgmmaFenceAll(Where where) { meetWarp("wgmma.fence", kAll, nullptr, combineFence, where); }
void wgmmaCommitAll(Where where) { meetWarp("wgmma.commit_group", kAll, nullptr, combineCommit, where); }
void wgmmaWaitAll(int groupsLeft, Where where) { meetWarp("wgmma.wait_group", kAll, &groupsLeft, combineWait, where); }

}  // namespace sim
}  // namespace cuda
}  // namespace rotor
