/** `count` numbers in [-1, 1), the same every time: inputs of generated test cases. */
export function noise(count: number, seed = 1): number[] {
  let state = (seed * 2654435761) >>> 0;
  return Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  });
}
