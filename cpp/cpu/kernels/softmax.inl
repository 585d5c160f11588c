// Softmax of one row, shared by the softmax op and by attention.

namespace rotor {
namespace ROTOR_TARGET {

// y = e^(x - max x) / sum, the sum in sixteen lanes. Trailing -inf change no bit of what comes before them. x may be y.
static inline void softmax_row(const float* x, float* y, int64_t n) {
  const float low = -HUGE_VALF;
  f32x16 top = f32x16::set1(low);
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) top = max(top, f32x16::load(x + i));
  if (i < n) top = max(top, load_n(x + i, n - i, low));
  const f32x16 m = f32x16::set1(reduce_max(top));
  f32x16 sum = f32x16::set1(0.0f);
  for (i = 0; i + kLanes <= n; i += kLanes) {
    const f32x16 e = exp(f32x16::load(x + i) - m);
    e.store(y + i);
    sum = sum + e;
  }
  if (i < n) {
    const f32x16 e = exp(load_n(x + i, n - i, low) - m);
    store_n(y + i, n - i, e);
    sum = sum + e;
  }
  const f32x16 total = f32x16::set1(reduce_add(sum));
  for (i = 0; i + kLanes <= n; i += kLanes) (f32x16::load(y + i) / total).store(y + i);
  if (i < n) store_n(y + i, n - i, load_n(y + i, n - i, 0.0f) / total);
}

}  // namespace ROTOR_TARGET
}  // namespace rotor
