// Copies and broadcasting arithmetic.

namespace rotor {
namespace ROTOR_TARGET {

// Walks the elements [begin, end) of a contiguous output of shape `out`, giving the offset of each in `in`,
// whose dimensions broadcast to it from the right.
struct Walk {
  int64_t index[kMaxDims], stride[kMaxDims], at;
  const View& out;
  Walk(const View& in, const View& o, int64_t begin) : at(0), out(o) {
    for (int d = o.ndim - 1; d >= 0; --d) {
      index[d] = begin % o.dims[d];
      begin /= o.dims[d];
      const int s = d - (o.ndim - in.ndim);
      stride[d] = s >= 0 && in.dims[s] != 1 ? in.strides[s] : 0;
      at += index[d] * stride[d];
    }
  }
  void next() {
    for (int d = out.ndim - 1; d >= 0; --d) {
      at += stride[d];
      if (++index[d] < out.dims[d]) return;
      at -= stride[d] * out.dims[d];
      index[d] = 0;
    }
  }
};

template <class T>
static void copyAs(const Args& a, const Worker& w) {
  int64_t b, e;
  w.range(a.out[0].size, 1024, &b, &e);
  if (b >= e) return;
  const T* x = a.in[0].as<T>();
  T* y = a.out[0].as<T>();
  if (a.in[0].contiguous() && a.in[0].size == a.out[0].size) {
    memcpy(y + b, x + b, size_t(e - b) * sizeof(T));
    return;
  }
  Walk walk(a.in[0], a.out[0], b);
  for (int64_t i = b; i < e; ++i, walk.next()) y[i] = x[walk.at];
}

static void copy(const Args& a, const Worker& w) {
  switch (dtypeBytes(a.in[0].dtype)) {
    case 4:
      return copyAs<uint32_t>(a, w);
    case 2:
      return copyAs<uint16_t>(a, w);
    default:
      return copyAs<uint8_t>(a, w);
  }
}

// y = f(x0, x1) with broadcasting.
template <class T, class F>
static void binary(const Args& a, const Worker& w, F f) {
  int64_t b, e;
  w.range(a.out[0].size, 1024, &b, &e);
  if (b >= e) return;
  const T *x = a.in[0].as<T>(), *z = a.in[1].as<T>();
  T* y = a.out[0].as<T>();
  Walk wx(a.in[0], a.out[0], b), wz(a.in[1], a.out[0], b);
  for (int64_t i = b; i < e; ++i, wx.next(), wz.next()) y[i] = f(x[wx.at], z[wz.at]);
}

static void add(const Args& a, const Worker& w) {
  if (a.out[0].dtype == DType::f32) return binary<float>(a, w, [](float x, float y) { return x + y; });
  binary<int32_t>(a, w, [](int32_t x, int32_t y) { return int32_t(uint32_t(x) + uint32_t(y)); });
}

}  // namespace ROTOR_TARGET
}  // namespace rotor
