// The tile registers of AMX and the five instructions on them that the amx target uses, for tests on other CPUs. A use that the
// CPU would answer with an exception ends the process.
#pragma once
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace rotor {
namespace tiles {

struct Tile {
  int rows = 0, rowBytes = 0;
  uint8_t data[16][64] = {};
};

struct State {
  bool configured = false;
  Tile tile[8];
};

static inline State& state() {
  static thread_local State s;
  return s;
}

static inline void need(bool ok, const char* what) {
  if (ok) return;
  std::fprintf(stderr, "Emulated tiles: %s\n", what);
  std::abort();
}

static inline Tile& tileAt(int i) {
  need(state().configured, "used before they were configured");
  need(i >= 0 && i < 8 && state().tile[i].rows > 0, "used one that the configuration leaves out");
  return state().tile[i];
}

// Layout of the 64 bytes: palette, start row, 14 reserved, 16 row sizes of 16 bits, 16 row counts.
static inline void loadConfig(const void* memory) {
  const uint8_t* p = static_cast<const uint8_t*>(memory);
  need(p[0] == 1 && p[1] == 0, "palette 1 and start row 0 expected");
  state() = State();
  state().configured = true;
  for (int i = 0; i < 8; ++i) {
    uint16_t rowBytes;
    std::memcpy(&rowBytes, p + 16 + 2 * i, 2);
    need(rowBytes <= 64 && p[48 + i] <= 16, "at most 16 rows of 64 bytes expected");
    state().tile[i].rowBytes = rowBytes;
    state().tile[i].rows = p[48 + i];
  }
}

static inline void release() { state() = State(); }

static inline void load(int i, const void* base, int64_t stride) {
  Tile& t = tileAt(i);
  std::memset(t.data, 0, sizeof t.data);
  for (int r = 0; r < t.rows; ++r) std::memcpy(t.data[r], static_cast<const char*>(base) + r * stride, size_t(t.rowBytes));
}

static inline void store(int i, void* base, int64_t stride) {
  const Tile& t = tileAt(i);
  for (int r = 0; r < t.rows; ++r) std::memcpy(static_cast<char*>(base) + r * stride, t.data[r], size_t(t.rowBytes));
}

// sums[m][n] += signed a[m][4 k + j] * unsigned b[k][4 n + j]
static inline void multiplyAdd(int sums, int a, int b) {
  Tile &c = tileAt(sums), &x = tileAt(a), &w = tileAt(b);
  need(sums != a && sums != b && a != b, "three different tiles expected");
  need(c.rows == x.rows && c.rowBytes == w.rowBytes && x.rowBytes == 4 * w.rows, "tiles that do not fit together");
  for (int m = 0; m < c.rows; ++m)
    for (int k = 0; k < w.rows; ++k)
      for (int n = 0; n < c.rowBytes / 4; ++n) {
        int32_t sum;
        std::memcpy(&sum, c.data[m] + 4 * n, 4);
        for (int j = 0; j < 4; ++j) sum += int32_t(int8_t(x.data[m][4 * k + j])) * int32_t(w.data[k][4 * n + j]);
        std::memcpy(c.data[m] + 4 * n, &sum, 4);
      }
}

}  // namespace tiles
}  // namespace rotor

#undef _tile_loadconfig
#undef _tile_release
#undef _tile_loadd
#undef _tile_stored
#undef _tile_dpbsud
#define _tile_loadconfig(memory) rotor::tiles::loadConfig(memory)
#define _tile_release() rotor::tiles::release()
#define _tile_loadd(tile, base, stride) rotor::tiles::load(tile, base, stride)
#define _tile_stored(tile, base, stride) rotor::tiles::store(tile, base, stride)
#define _tile_dpbsud(sums, a, b) rotor::tiles::multiplyAdd(sums, a, b)
