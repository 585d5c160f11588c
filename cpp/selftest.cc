#include "selftest.h"

#include <cstring>
#include <initializer_list>
#include <vector>

#include "cpu/targets.h"
#include "ternary.h"

namespace rotor {
namespace {

constexpr int64_t kRows = 3, kOut = 70, kCols = 333;  // no multiples of any tile

// Bytes of plain numbers, the same on every run.
class Noise {
 public:
  uint32_t next() { return state_ = state_ * 1664525u + 1013904223u; }
  float real() { return float(int32_t(next())) / 2147483648.0f; }
  std::vector<float> reals(int64_t n) {
    std::vector<float> v(static_cast<size_t>(n));
    for (float& x : v) x = real();
    return v;
  }

 private:
  uint32_t state_ = 1;
};

template <class T>
View view(std::vector<T>& data, DType dtype, std::initializer_list<int64_t> dims) {
  View v;
  v.data = data.data();
  v.dtype = dtype;
  v.size = 1;
  for (int64_t d : dims) v.dims[v.ndim++] = d;
  for (int i = v.ndim - 1; i >= 0; --i) {
    v.strides[i] = v.size;
    v.size *= v.dims[i];
  }
  return v;
}

void call(const Target& target, const char* name, std::initializer_list<View> in, std::initializer_list<View> out, std::initializer_list<double> attrs) {
  Args a;
  std::vector<double> values(attrs);
  values.resize(kMaxAttrs);
  Fault fault;
  a.target = &target;
  a.attrs = values.data();
  a.fault = &fault;
  for (const View& v : in) a.in[a.nIn++] = v;
  for (const View& v : out) a.out[a.nOut++] = v;
  for (int i = 0; i < kOpCount; ++i) {
    if (std::strcmp(kOps[i].name, name) != 0) continue;
    const Plan plan = kOps[i].plan(a);
    std::vector<char> scratch(plan.scratch + 64);
    a.scratch = reinterpret_cast<char*>((reinterpret_cast<uintptr_t>(scratch.data()) + 63) & ~uintptr_t(63));
    target.kernels[i](a, Worker());
    return;
  }
}

// Results of the kernels that a model leans on: quantiser, both forms of the ternary product, head, norm, softmax.
std::vector<float> results(const Target& target) {
  Noise noise;
  std::vector<float> all;
  const auto keep = [&](const std::vector<float>& y) { all.insert(all.end(), y.begin(), y.end()); };

  std::vector<float> x = noise.reals(kRows * kCols), scale(kRows), rowScale = noise.reals(kOut);
  std::vector<int8_t> q8(x.size());
  call(target, "quantize_act", {view(x, DType::f32, {kRows, kCols})}, {view(q8, DType::i8, {kRows, kCols}), view(scale, DType::f32, {kRows, 1})}, {});
  keep(scale);

  std::vector<uint8_t> planes(size_t(2 * kOut * planeBytes(kCols))), packed(size_t(target.ternaryBytes(kOut, kCols)));
  for (uint8_t& byte : planes) byte = uint8_t(noise.next() >> 24);
  const double rows = double(kOut), cols = double(kCols);
  call(target, "ternary_pack_", {view(packed, DType::u8, {int64_t(packed.size())}), view(planes, DType::u8, {2, kOut, planeBytes(kCols)})}, {}, {rows, cols, 0});
  for (int64_t n : {int64_t(1), kRows, 6 * kRows}) {  // few rows, and many
    std::vector<int8_t> q(size_t(n * kCols));
    std::vector<float> s(size_t(n), 17.0f), y(size_t(n * kOut));
    for (size_t i = 0; i < q.size(); ++i) q[i] = q8[i % q8.size()];
    call(target, "ternary_matmul",
         {view(q, DType::i8, {n, kCols}), view(s, DType::f32, {n, 1}), view(packed, DType::u8, {int64_t(packed.size())}), view(rowScale, DType::f32, {kOut})},
         {view(y, DType::f32, {n, kOut})}, {rows, cols, rows, 0, 0, 0});
    keep(y);
  }

  std::vector<uint16_t> head(size_t(kOut * kCols));
  for (uint16_t& h : head) h = uint16_t(0x3f00 | (noise.next() >> 24) | (noise.next() >> 31) << 15);
  std::vector<float> logits(kRows * kOut), weight = noise.reals(kCols), y(x.size());
  call(target, "linear", {view(x, DType::f32, {kRows, kCols}), view(head, DType::bf16, {kOut, kCols})}, {view(logits, DType::f32, {kRows, kOut})}, {});
  keep(logits);
  call(target, "rms_norm", {view(x, DType::f32, {kRows, kCols}), view(weight, DType::f32, {kCols})}, {view(y, DType::f32, {kRows, kCols})}, {1e-5, double(kCols)});
  keep(y);
  call(target, "softmax", {view(logits, DType::f32, {kRows, kOut})}, {view(logits, DType::f32, {kRows, kOut})}, {});
  keep(logits);
  return all;
}

}  // namespace

void selfTest(const Target& target) {
  if (&target == &kScalarTarget) return;
  const std::vector<float> got = results(target), want = results(kScalarTarget);
  if (got.size() == want.size() && std::memcmp(got.data(), want.data(), got.size() * sizeof(float)) == 0) return;
  throw OpError("DEVICE", std::string("[selfTest] expected the kernels of \"") + target.name + "\" to give the bits of \"" + kScalarTarget.name +
                              "\", received others on this CPU. Set ROTOR_CPU=" + kScalarTarget.name + " to go on, and report it.");
}

}  // namespace rotor
