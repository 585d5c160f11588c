// ternary_matmul, ternary_matmul_i32: which kernel computes a ternary product. All give the same bits.
#include <climits>
#include <cstdlib>
#include <cstring>
#include <string>

#include "../ternary.cuh"

namespace rotor {
namespace cuda {
namespace {

struct Kernel {
  const char* name;
  // Whether it can compute the product on the chip, and whether it is meant to where it can.
  bool (*runs)(const Product&, const Chip&);
  bool (*suits)(const Product&, const Chip&);
  void (*launch)(const Product&, Launch&);
};

// Binary tensor cores exist on compute capability 8.0 to 9.0; later chips compute the instruction from many others.
bool binaryCores(const Chip& c) { return c.major == 8 || (c.major == 9 && c.minor == 0); }
bool few(const Product& p, const Chip& c) { return p.tokens <= 4 && p.cols > 0 && b1SharedBytes(p.tokens, p.cols) <= c.sharedBytes; }
bool hopper(const Product&, const Chip& c) { return c.major == 9 && c.minor == 0; }
bool some(const Product& p, const Chip&) { return p.tokens <= 40; }
bool any(const Product&, const Chip&) { return true; }
bool none(const Product&, const Chip&) { return false; }

// The first that runs and suits is taken.
const Kernel kKernels[] = {
    {"b1", few, [](const Product&, const Chip& c) { return binaryCores(c); }, ternaryB1},
    {"imma", some, any, ternaryImma},
    {"wgmma", hopper, [](const Product& p, const Chip&) { return p.tokens > 64; }, ternaryWgmma},
    {"mma", any, any, ternaryGemm},
    {"dp4a", [](const Product& p, const Chip&) { return p.tokens <= 65535; }, none, ternaryDp4a},
};

// ROTOR_CUDA_KERNEL names the one that must be used, in tests.
const Kernel& choose(const char* op, const Product& p, const Chip& chip) {
  static const char* const forced = std::getenv("ROTOR_CUDA_KERNEL");
  std::string names;
  for (const Kernel& k : kKernels) {
    names += (names.empty() ? "" : ", ") + std::string(k.name);
    if (forced ? std::strcmp(forced, k.name) != 0 : !k.suits(p, chip)) continue;
    if (k.runs(p, chip)) return k;
    if (forced)
      throw OpError("UNSUPPORTED", std::string("[") + op + "] expected a product that kernel \"" + forced + "\" can compute on compute capability " + std::to_string(chip.major) + "." +
                                       std::to_string(chip.minor) + ", received " + std::to_string(p.tokens) + " rows of " + std::to_string(p.cols) + " columns. Unset ROTOR_CUDA_KERNEL.");
  }
  throw OpError("UNSUPPORTED", std::string("[") + op + "] expected ROTOR_CUDA_KERNEL to be one of " + names + ", received \"" + (forced ? forced : "") + "\". Unset it.");
}

void multiply(const char* op, const Args& a, Launch& launch, Product p, int packed) {
  p.x = a.in[0].as<int8_t>();
  p.packed = a.in[packed].as<char>();
  p.tokens = int(a.in[0].dims[0]);
  p.rows = int(a.attrs[0]);
  p.cols = int(a.attrs[1]);
  if (p.tokens == 0 || p.rows == 0) return;
  choose(op, p, launch.chip).launch(p, launch);
}

}  // namespace

void ternary_matmul(const Args& a, Launch& launch) {
  Product p = {};
  p.scale = a.in[1].as<float>();
  p.rowScale = a.in[3].as<float>();
  for (int i = 0; i <= kMaxOutputs; ++i) p.begin[i] = i == 0 ? 0 : INT_MAX;
  for (int i = 0; i < a.nOut; ++i) {
    p.out[i] = a.out[i].as<float>();
    p.begin[i + 1] = p.begin[i] + int(a.out[i].dims[1]);
  }
  multiply("ternary_matmul", a, launch, p, 2);
}

void ternary_matmul_i32(const Args& a, Launch& launch) {
  Product p = {};
  p.sums = a.out[0].as<int>();
  multiply("ternary_matmul_i32", a, launch, p, 1);
}

}  // namespace cuda
}  // namespace rotor
