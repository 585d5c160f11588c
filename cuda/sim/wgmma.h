// wgmma, one warp's part of it: in the background, from fragments in registers and a matrix in shared memory.
#pragma once
#include <deque>
#include <map>
#include <vector>

#include "scheduler.h"

namespace rotor {
namespace cuda {
namespace sim {

constexpr int kWgmmaColumns = 128, kWgmmaDepth = 32, kWgmmaSums = kWgmmaColumns / 2;

// What a warp has under way.
struct WgmmaQueue {
  struct Product {
    uint32_t a[32][4];
    int* c[32];
    uint64_t matrix;
    bool done;
  };
  std::deque<Product> products;
  std::deque<size_t> groups;  // products of each closed group
  size_t open = 0;            // products of the group that is not closed
  std::map<int*, std::vector<int>> sums;  // of accumulators under way, which are undefined for the program
  bool fenced = false;
  size_t issued = 0;
};

// `matrix`: bytes from the start of shared memory.
void wgmmaIssue(int* c, const uint32_t* a, uint64_t matrix, Where where);
void wgmmaFenceAll(Where where);
void wgmmaCommitAll(Where where);
void wgmmaWaitAll(int groupsLeft, Where where);

}  // namespace sim
}  // namespace cuda
}  // namespace rotor
