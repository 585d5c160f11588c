// The op table: ops.def joined with the shape checks of this folder.
#include "../backend.h"
#include "plans.h"

namespace rotor {

const OpInfo kOps[] = {
#define OP(name, minIn, maxIn, minOut, maxOut, nAttrs, flags) {#name, minIn, maxIn, minOut, maxOut, nAttrs, flags, plan_##name},
#include "../ops.def"
#undef OP
};

const int kOpCount = int(sizeof kOps / sizeof kOps[0]);

}  // namespace rotor
