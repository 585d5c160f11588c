// The op table: ops.def joined with the shape checks of this folder.
#include "../backend.h"
#include "plans.h"

namespace rotor {

const OpInfo kOps[] = {
#define OP(name, minIn, maxIn, minOut, maxOut, nAttrs, flags) {#name, minIn, maxIn, minOut, maxOut, nAttrs, flags, plan_##name},
#include "../ops.def"
#undef OP
};

// An op that writes into an input must say into which, or it could be given memory that must not be written.
constexpr bool saysWhatItWrites(const char* name, uint32_t flags) {
  while (name[1]) ++name;
  return (*name == '_') == (flags >= kWrites(0));
}
#define OP(name, minIn, maxIn, minOut, maxOut, nAttrs, flags) static_assert(saysWhatItWrites(#name, flags), "an op ends in _ exactly when it has kWrites() flags: " #name);
#include "../ops.def"
#undef OP

const int kOpCount = int(sizeof kOps / sizeof kOps[0]);

}  // namespace rotor
