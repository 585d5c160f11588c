/** Index helpers for reference implementations. */

/** For a row-major output of `shape`: maps its flat index to the flat index of a contiguous operand that broadcasts to it. */
export function broadcastReader(from: readonly number[], shape: readonly number[]): (i: number) => number {
  const skip = shape.length - from.length;
  return (i) => {
    let at = 0;
    let step = 1;
    for (let d = shape.length - 1; d >= 0; d--) {
      const index = i % shape[d];
      i = Math.floor(i / shape[d]);
      const s = d - skip;
      if (s < 0) continue;
      if (from[s] !== 1) at += index * step;
      step *= from[s];
    }
    return at;
  };
}
