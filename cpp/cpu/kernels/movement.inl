// Ops that move elements and compute nothing. `dim` splits a contiguous tensor into [outer, n, inner].

namespace rotor {
namespace ROTOR_TARGET {

static inline void split_at(const View& v, int dim, int64_t* outer, int64_t* n, int64_t* inner) {
  *outer = *inner = 1;
  for (int d = 0; d < dim; ++d) *outer *= v.dims[d];
  for (int d = dim + 1; d < v.ndim; ++d) *inner *= v.dims[d];
  *n = v.dims[dim];
}

static void concat(const Args& a, const Worker& w) {
  const int64_t width = dtypeBytes(a.out[0].dtype);
  int64_t outer, n, inner, b, e;
  split_at(a.out[0], int(a.attrs[0]), &outer, &n, &inner);
  const int64_t row = n * inner;
  w.range(a.out[0].size, 1024, &b, &e);
  if (b >= e) return;
  char* y = a.out[0].as<char>();
  for (int64_t o = b / row; o * row < e; ++o) {
    int64_t at = o * row;  // where this input's part of the row begins
    for (int i = 0; i < a.nIn; ++i) {
      const int64_t part = a.in[i].dims[int(a.attrs[0])] * inner;
      const int64_t from = at > b ? at : b, to = at + part < e ? at + part : e;
      if (from < to) memcpy(y + from * width, a.in[i].as<char>() + (o * part + from - at) * width, size_t((to - from) * width));
      at += part;
    }
  }
}

template <class T>
static void flipAs(const Args& a, const Worker& w) {
  int64_t b, e;
  w.range(a.out[0].size, 1024, &b, &e);
  if (b >= e) return;
  const T* x = a.in[0].as<T>();
  T* y = a.out[0].as<T>();
  Walk walk(a.in[0], a.out[0], b);
  for (int d = 0; d < a.out[0].ndim; ++d) {
    if (!(int(a.attrs[0]) >> d & 1)) continue;
    walk.at += (a.out[0].dims[d] - 1 - 2 * walk.index[d]) * walk.stride[d];
    walk.stride[d] = -walk.stride[d];
  }
  for (int64_t i = b; i < e; ++i, walk.next()) y[i] = x[walk.at];
}

static void flip(const Args& a, const Worker& w) {
  switch (dtypeBytes(a.in[0].dtype)) {
    case 4:
      return flipAs<uint32_t>(a, w);
    case 2:
      return flipAs<uint16_t>(a, w);
    default:
      return flipAs<uint8_t>(a, w);
  }
}

static void gather(const Args& a, const Worker& w) {
  const int64_t width = dtypeBytes(a.in[0].dtype), m = a.in[1].size;
  int64_t outer, n, inner, b, e;
  split_at(a.in[0], int(a.attrs[0]), &outer, &n, &inner);
  const int32_t* ids = a.in[1].as<int32_t>();
  w.range(outer * m, 1, &b, &e);
  for (int64_t i = b; i < e; ++i) {
    const int64_t id = ids[i % m];
    if (id < 0 || id >= n) {
      a.fault->raise(id, n);
      continue;
    }
    memcpy(a.out[0].as<char>() + i * inner * width, a.in[0].as<char>() + (i / m * n + id) * inner * width, size_t(inner * width));
  }
}

template <class T>
static void takeAlong(const Args& a, const Worker& w) {
  int64_t outer, n, m, inner, b, e;
  split_at(a.in[0], int(a.attrs[0]), &outer, &n, &inner);
  split_at(a.in[1], int(a.attrs[0]), &outer, &m, &inner);
  const int32_t* ids = a.in[1].as<int32_t>();
  const T* x = a.in[0].as<T>();
  T* y = a.out[0].as<T>();
  w.range(a.in[1].size, 1024, &b, &e);
  for (int64_t i = b; i < e; ++i) {
    const int64_t id = ids[i];
    if (id < 0 || id >= n) a.fault->raise(id, n);
    else y[i] = x[(i / (m * inner) * n + id) * inner + i % inner];
  }
}

static void take_along_dim(const Args& a, const Worker& w) {
  switch (dtypeBytes(a.in[0].dtype)) {
    case 4:
      return takeAlong<uint32_t>(a, w);
    case 2:
      return takeAlong<uint16_t>(a, w);
    default:
      return takeAlong<uint8_t>(a, w);
  }
}

static void one_hot(const Args& a, const Worker& w) {
  const int64_t classes = int64_t(a.attrs[0]);
  int64_t b, e;
  w.range(a.in[0].size, 1, &b, &e);
  float* y = a.out[0].as<float>();
  for (int64_t i = b; i < e; ++i) {
    const int64_t id = a.in[0].as<int32_t>()[i];
    for (int64_t c = 0; c < classes; ++c) y[i * classes + c] = c == id ? 1.0f : 0.0f;
    if (id < 0 || id >= classes) a.fault->raise(id, classes);
  }
}

}  // namespace ROTOR_TARGET
}  // namespace rotor
