/**
 * Canonical bit-planes of a ternary matrix `[N, K]`, u8 `[2, N, ceil(K / 8)]`: plane 0 has a bit where the weight is 0, plane 1
 * where it is +1; bit `k % 8` of byte `floor(k / 8)`; bits beyond the last column are those of a zero.
 */

/** Bytes of a row of one plane. */
export function planeBytes(cols: number): number {
  return Math.ceil(cols / 8);
}

/** The weight at `[r, k]`: `zero + 2 * plus - 1`. `planes` are canonical, flat. */
export function weightAt(planes: ArrayLike<number>, rows: number, cols: number, r: number, k: number): number {
  const at = r * planeBytes(cols) + (k >> 3);
  const bit = k & 7;
  return ((planes[at] >> bit) & 1) + 2 * ((planes[rows * planeBytes(cols) + at] >> bit) & 1) - 1;
}

/** Canonical planes of row-major values -1, 0 and 1, flat. */
export function planesOf(values: ArrayLike<number>, rows: number, cols: number): Uint8Array {
  const width = planeBytes(cols);
  const planes = new Uint8Array(2 * rows * width);
  for (let r = 0; r < rows; r++) {
    for (let k = 0; k < 8 * width; k++) {
      const v = k < cols ? values[r * cols + k] : 0;
      const at = r * width + (k >> 3);
      if (v === 0) planes[at] |= 1 << (k & 7);
      else if (v > 0) planes[rows * width + at] |= 1 << (k & 7);
    }
  }
  return planes;
}
