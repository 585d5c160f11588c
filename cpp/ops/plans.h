// Shape checks, one per op: they throw OpError on anything a kernel could not run, and say how big the call is.
#pragma once
#include <cmath>
#include <initializer_list>
#include <string>

#include "../backend.h"

namespace rotor {

#define OP(name, minIn, maxIn, minOut, maxOut, nAttrs, flags) Plan plan_##name(const Args& args);
#include "../ops.def"
#undef OP

inline std::string shapeText(const View& v) {
  std::string s = "[";
  for (int i = 0; i < v.ndim; ++i) s += (i ? ", " : "") + std::to_string(v.dims[i]);
  return s + "]";
}

// `expected` completes "[op] expected …, received …".
[[noreturn]] inline void failShape(const char* op, const std::string& expected, const std::string& received) {
  throw OpError("SHAPE", std::string("[") + op + "] expected " + expected + ", received " + received + ".");
}

inline void needDType(const char* op, const char* what, const View& v, std::initializer_list<DType> allowed) {
  static const char* const names[] = {"f32", "bf16", "i32", "i8", "u8", "bool", "f16"};
  std::string list;
  for (DType t : allowed) {
    if (v.dtype == t) return;
    list += (list.empty() ? "" : " or ") + std::string(names[uint32_t(t)]);
  }
  throw OpError("DTYPE", std::string("[") + op + "] expected " + what + " of dtype " + list + ", received " + names[uint32_t(v.dtype)] + ".");
}

// -1 in `dims` accepts any size.
inline void needShape(const char* op, const char* what, const View& v, std::initializer_list<int64_t> dims) {
  bool ok = v.ndim == int(dims.size());
  int i = 0;
  std::string text = "[";
  for (int64_t d : dims) {
    if (ok && d >= 0 && v.dims[i] != d) ok = false;
    text += (i ? ", " : "") + (d < 0 ? std::string("*") : std::to_string(d));
    ++i;
  }
  if (!ok) failShape(op, std::string(what) + " of shape " + text + "]", shapeText(v));
}

inline bool sameShape(const View& a, const View& b) {
  if (a.ndim != b.ndim) return false;
  for (int i = 0; i < a.ndim; ++i)
    if (a.dims[i] != b.dims[i]) return false;
  return true;
}

// An attribute that must be a whole number in [lo, hi].
inline int64_t needInt(const char* op, const char* what, double v, int64_t lo, int64_t hi) {
  if (!(v >= double(lo) && v <= double(hi)) || v != std::floor(v))
    throw OpError("OPTION", std::string("[") + op + "] expected " + what + " to be a whole number from " + std::to_string(lo) + " to " + std::to_string(hi) + ", received " + std::to_string(v) + ".");
  return int64_t(v);
}

}  // namespace rotor
