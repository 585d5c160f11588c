#include "warp.h"

namespace rotor {
namespace cuda {
namespace sim {
namespace {

struct Vote {
  bool mine;
  uint32_t all;
};
struct Match {
  uint64_t mine;
  uint32_t equal;
};
struct Number {
  uint32_t value;
  Reduce how;
  bool isSigned;
};

template <class F>
void eachLane(uint32_t mask, F f) {
  for (int lane = 0; lane < 32; ++lane)
    if (mask >> lane & 1u) f(lane);
}

void combineShuffle(void* const* data, uint32_t mask) {
  uint64_t values[32] = {};
  eachLane(mask, [&](int lane) { values[lane] = static_cast<Shuffle*>(data[lane])->value; });
  eachLane(mask, [&](int lane) {
    Shuffle& s = *static_cast<Shuffle*>(data[lane]);
    if (mask >> s.source & 1u) {
      s.value = values[s.source];
      s.source = -1;  // found
    }
  });
}

void combineBallot(void* const* data, uint32_t mask) {
  uint32_t all = 0;
  eachLane(mask, [&](int lane) { all |= uint32_t(static_cast<Vote*>(data[lane])->mine) << lane; });
  eachLane(mask, [&](int lane) { static_cast<Vote*>(data[lane])->all = all; });
}

void combineMatch(void* const* data, uint32_t mask) {
  eachLane(mask, [&](int lane) {
    Match& m = *static_cast<Match*>(data[lane]);
    m.equal = 0;
    eachLane(mask, [&](int other) { m.equal |= uint32_t(static_cast<Match*>(data[other])->mine == m.mine) << other; });
  });
}

uint32_t reduced(uint32_t a, uint32_t b, const Number& n) {
  const bool less = n.isSigned ? int32_t(a) < int32_t(b) : a < b;
  switch (n.how) {
    case Reduce::add:
      return a + b;
    case Reduce::min:
      return less ? a : b;
    case Reduce::max:
      return less ? b : a;
    case Reduce::bitAnd:
      return a & b;
    case Reduce::bitOr:
      return a | b;
    default:
      return a ^ b;
  }
}

void combineReduce(void* const* data, uint32_t mask) {
  const int first = __builtin_ctz(mask);
  uint32_t sum = static_cast<Number*>(data[first])->value;
  eachLane(mask & (mask - 1), [&](int lane) {
    const Number& n = *static_cast<Number*>(data[lane]);
    sum = reduced(sum, n.value, n);
  });
  eachLane(mask, [&](int lane) { static_cast<Number*>(data[lane])->value = sum; });
}

const char* reduceName(Reduce how, bool isSigned) {
  static const char* const names[2][6] = {{"__reduce_add_sync(unsigned)", "__reduce_min_sync(unsigned)", "__reduce_max_sync(unsigned)", "__reduce_and_sync", "__reduce_or_sync", "__reduce_xor_sync"},
                                          {"__reduce_add_sync(int)", "__reduce_min_sync(int)", "__reduce_max_sync(int)", "", "", ""}};
  return names[isSigned][int(how)];
}

}  // namespace

void shuffle(const char* name, uint32_t mask, Shuffle& mine, Where where) {
  meetWarp(name, mask, &mine, combineShuffle, where);
  if (mine.source >= 0) fail(std::string(name) + " reads lane " + std::to_string(mine.source) + ", which is not in its mask", where);
}

uint32_t ballot(const char* name, uint32_t mask, bool vote, Where where) {
  Vote mine = {vote, 0};
  meetWarp(name, mask, &mine, combineBallot, where);
  return mine.all;
}

uint32_t matchAny(uint32_t mask, uint64_t value, Where where) {
  Match mine = {value, 0};
  meetWarp("__match_any_sync", mask, &mine, combineMatch, where);
  return mine.equal;
}

uint32_t reduce(uint32_t mask, uint32_t value, Reduce how, bool isSigned, Where where) {
  Number mine = {value, how, isSigned};
  meetWarp(reduceName(how, isSigned), mask, &mine, combineReduce, where);
  return mine.value;
}

}  // namespace sim
}  // namespace cuda
}  // namespace rotor
