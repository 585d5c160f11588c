// What the shape check and the kernel of attention must agree on.
#pragma once
#include <cstdint>

namespace rotor {

// Positions whose weighted values are summed on their own, before the sums are added up in order: z does not depend on who sums what.
constexpr int64_t kValueBlock = 128;
static inline int64_t valueBlocks(int64_t positions) { return (positions + kValueBlock - 1) / kValueBlock; }

// Rows that share one pass over keys and values. Their scores, twice, are the scratch of the call: kept below 32 MB where possible.
static inline int64_t attentionGroup(int64_t rows, int64_t heads, int64_t positions) {
  int64_t group = rows < 8 ? rows : 8;
  while (group > 1 && double(group) * double(heads) * double(positions) > 4194304.0) --group;
  return group > 1 ? group : 1;
}

}  // namespace rotor
