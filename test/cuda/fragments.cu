// The fragment maps of the tensor-core instructions, as kernels use them, against plain matrix products: `fragments <name> <seed>`
// prints "right", "wrong: …" or "error: …". Names that end in a word in capitals leave something out.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "../../cuda/ptx.cuh"

using namespace rotor::cuda;

namespace {

// Row-major A [16, 32 bytes] and the transpose of B [8, 32 bytes], in words.
template <class Mma, class T>
__global__ void tile(const uint32_t* a, const uint32_t* b, T* c, Mma mma) {
  const int lane = int(threadIdx.x), g = lane / 4, t = lane % 4;
  const uint32_t fa[4] = {a[g * 8 + t], a[(g + 8) * 8 + t], a[g * 8 + t + 4], a[(g + 8) * 8 + t + 4]};
  const uint32_t fb[2] = {b[g * 8 + t], b[g * 8 + t + 4]};
  T* const low = c + g * 8 + 2 * t;
  T* const high = low + 64;
  T fc[4] = {low[0], low[1], high[0], high[1]};
  mma(fc, fa, fb);
  low[0] = fc[0];
  low[1] = fc[1];
  high[0] = fc[2];
  high[1] = fc[3];
}
struct U8S8 {
  __device__ void operator()(int (&c)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) const { mmaU8S8(c, a, b); }
};
struct S8S8 {
  __device__ void operator()(int (&c)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) const { mmaS8S8(c, a, b); }
};
struct B1 {
  __device__ void operator()(int (&c)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) const { mmaB1(c, a, b); }
};
struct F16 {
  __device__ void operator()(float (&c)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) const { mmaF16(c, a, b); }
};

enum Left { nothing, wait, fence, barrier };

#ifdef ROTOR_HAVE_WGMMA
// c [64, 128] = a [64, 128 bytes] times the transpose of b [128, 128 bytes], in four steps of 32.
template <Left kLeft>
__global__ void warpgroup(const uint32_t* a, const uint4* b, int* c) {
  uint4* matrix = shared<uint4>();
  const int thread = int(threadIdx.x), lane = thread % 32, row = thread / 32 * 16 + lane / 4, t = lane % 4;
  for (int i = 0; i < 8; ++i) matrix[thread * 8 + (i ^ (thread & 7))] = b[thread * 8 + i];
  sharedWritesToWgmma();
  if (kLeft != barrier) __syncthreads();
  uint32_t fa[4][4];
  for (int s = 0; s < 4; ++s)
    for (int r = 0; r < 4; ++r) fa[s][r] = a[(row + r % 2 * 8) * 32 + s * 8 + r / 2 * 4 + t];
  int sums[64] = {};
  if (kLeft != fence) wgmmaFence();
  for (int s = 0; s < 4; ++s) wgmmaU8S8(sums, fa[s], swizzledMatrix(matrix, s));
  wgmmaCommit();
  wgmmaWait<kLeft == wait ? 1 : 0>();
  for (int i = 0; i < 64; ++i) c[(row + i / 2 % 2 * 8) * 128 + i / 4 * 8 + 2 * t + i % 2] = sums[i];
}
#endif

void need(cudaError_t e) {
  if (e == cudaSuccess) return;
  std::printf("error: %s: %s\n", cudaGetErrorName(e), sim::lastFailure().c_str());
  std::exit(0);
}

template <class T>
T* upload(const std::vector<T>& values) {
  T* memory = nullptr;
  const size_t bytes = values.size() * sizeof(T);
  need(cudaMalloc(&memory, bytes));
  need(cudaMemcpyAsync(memory, values.data(), bytes, cudaMemcpyHostToDevice));
  return memory;
}
template <class T>
void compare(const T* got, const std::vector<T>& want) {
  std::vector<T> values(want.size());
  need(cudaMemcpyAsync(values.data(), got, want.size() * sizeof(T), cudaMemcpyDeviceToHost));
  size_t i = 0;
  while (i < want.size() && values[i] == want[i]) ++i;
  if (i == want.size()) std::printf("right\n");
  else std::printf("wrong: element %zu is %g, not %g\n", i, double(values[i]), double(want[i]));
}

std::vector<uint8_t> noise(size_t bytes, unsigned seed) {
  std::vector<uint8_t> all(bytes);
  for (uint8_t& v : all) v = uint8_t((seed = seed * 1664525u + 1013904223u) >> 24);
  return all;
}
std::vector<uint32_t> words(const std::vector<uint8_t>& bytes) {
  std::vector<uint32_t> all(bytes.size() / 4);
  std::memcpy(all.data(), bytes.data(), bytes.size());
  return all;
}

// One tile: `product` gives that of element k of row i of A and of column j of B.
template <class T, class Mma, class F>
void one(Launch& launch, Mma mma, const std::vector<uint8_t>& a, const std::vector<uint8_t>& b, int depth, F product) {
  std::vector<T> c(16 * 8), want(16 * 8);
  for (int i = 0; i < 16; ++i)
    for (int j = 0; j < 8; ++j) {
      T sum = c[size_t(i * 8 + j)] = T(i * 100 + j);
      for (int k = 0; k < depth; ++k) sum += product(i, j, k);
      want[size_t(i * 8 + j)] = sum;
    }
  T* const memory = upload(c);
  launch(Grid{dim3(1), dim3(32)}, tile<Mma, T>, upload(words(a)), upload(words(b)), memory, mma);
  need(launch.error());
  compare(memory, want);
}

// Small whole numbers as halves.
float valueOf(uint8_t v) { return float(int(v % 33) - 16); }
std::vector<uint8_t> halves(const std::vector<uint8_t>& from) {
  std::vector<uint8_t> all;
  for (size_t i = 0; i < from.size() / 2; ++i) {
    uint32_t bits = 0;
    const float v = valueOf(from[i]);
    std::memcpy(&bits, &v, 4);
    const uint32_t half = v == 0 ? 0 : (bits >> 16 & 0x8000u) | (((bits >> 13) - 0x1c000u) & 0x7fffu);
    all.push_back(uint8_t(half));
    all.push_back(uint8_t(half >> 8));
  }
  return all;
}

void four(Launch& launch, Left left) {
#ifdef ROTOR_HAVE_WGMMA
  const std::vector<uint8_t> a = noise(64 * 128, 5), b = noise(128 * 128, 6);
  std::vector<int> want(64 * 128);
  for (int i = 0; i < 64; ++i)
    for (int j = 0; j < 128; ++j)
      for (int k = 0; k < 128; ++k) want[size_t(i * 128 + j)] += int(a[size_t(i * 128 + k)]) * int8_t(b[size_t(j * 128 + k)]);
  int* c = upload(std::vector<int>(want.size()));
  const auto kernel = left == wait ? warpgroup<wait> : left == fence ? warpgroup<fence> : left == barrier ? warpgroup<barrier> : warpgroup<nothing>;
  launch(Grid{dim3(1), dim3(128), 128 * 128}, kernel, upload(words(a)), reinterpret_cast<const uint4*>(upload(words(b))), c);
  need(launch.error());
  compare(c, want);
#endif
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  sim::seed(std::strtoull(argv[2], nullptr, 10));
  Chip chip{9, 0, 4, 227 * 1024};
  Launch launch(chip, {nullptr, 0}, nullptr, reinterpret_cast<char*>(&chip));
  const std::vector<uint8_t> a = noise(16 * 32, 1), b = noise(8 * 32, 2);
  const auto at = [](const std::vector<uint8_t>& m, int row, int k) { return m[size_t(row * 32 + k)]; };
  const std::string name = argv[1];
  if (name == "u8s8") one<int>(launch, U8S8(), a, b, 32, [&](int i, int j, int k) { return int(at(a, i, k)) * int8_t(at(b, j, k)); });
  else if (name == "s8s8") one<int>(launch, S8S8(), a, b, 32, [&](int i, int j, int k) { return int8_t(at(a, i, k)) * int8_t(at(b, j, k)); });
  else if (name == "b1") one<int>(launch, B1(), a, b, 256, [&](int i, int j, int k) { return (at(a, i, k / 8) & at(b, j, k / 8)) >> k % 8 & 1; });
  else if (name == "f16") one<float>(launch, F16(), halves(a), halves(b), 16, [&](int i, int j, int k) { return valueOf(a[size_t(i * 16 + k)]) * valueOf(b[size_t(j * 16 + k)]); });
  else if (name == "wgmma") four(launch, nothing);
  else if (name == "wgmmaWAIT") four(launch, wait);
  else if (name == "wgmmaFENCE") four(launch, fence);
  else if (name == "wgmmaBARRIER") four(launch, barrier);
  else return 2;
  sim::reset();
  return 0;
}
