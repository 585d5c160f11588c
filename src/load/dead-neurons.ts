import { planeBytes } from '../ops/ternary-planes';
import type { TernaryPart } from '../ops/ternary-weights';

// Lanes of the kernels' float sums: element i of a row is added in lane i % 16, in ascending order.
const LANES = 16;
// Columns that the packed layouts come in; fewer would save nothing.
const STEP = 32;
/** Beyond this a gate's square might be infinite. */
const LARGEST = 2 ** 60;

/**
 * Neurons of a feed-forward network that give 0 whatever comes in: those with a gate row or an up row of zeros.
 *
 * `relu2(g) * u` and `silu(g) * u` are 0 when g or u is 0 and the other finite. It is: a norm's output is at most
 * `sqrt(D) * max|weight|`, a product of D such numbers with weights of one scale at most `D * scale` times that. Where that bound
 * lets the square of a gate overflow, no neuron counts as dead. Zeros add nothing to the norm's sum of squares and to absmax, and
 * their int8 codes are 0. An input that is not a number makes every neuron NaN, so one that is kept says it too.
 *
 * @param gate planes of the gate rows
 * @param up planes of the up rows
 * @param cols D
 * @param norm weights of the norm before them
 */
export function deadNeurons(gate: TernaryPart, up: TernaryPart, cols: number, norm: ArrayLike<number>): boolean[] {
  const top = Array.from(norm).reduce((most, w) => Math.max(most, Math.abs(w)), 1e-5);
  const reach = cols * Math.sqrt(cols) * top * Math.max(gate.scale, up.scale);
  const n = gate.planes.shape[1];
  if (!(reach < LARGEST)) return new Array<boolean>(n).fill(false);
  const width = planeBytes(cols);
  const [zerosOfGate, zerosOfUp] = [gate, up].map(({ planes }) => planes.data().subarray(0, n * width));
  // The first plane has a bit where a weight is 0, and behind the last column.
  const empty = (zeros: ArrayLike<number>, r: number): boolean => {
    for (let i = r * width; i < (r + 1) * width; i++) if (zeros[i] !== 0xff) return false;
    return true;
  };
  return Array.from({ length: n }, (_, r) => empty(zerosOfGate, r) || empty(zerosOfUp, r));
}

/**
 * Where neurons go when dead ones are set aside: `place[i]` is the new place of neuron i, or `-1 - j` for the j-th that is set
 * aside. Every neuron that stays keeps its lane and the order there, so that float sums over the others, which are 0, keep their
 * bits; for that, and for a width in steps of 32, some dead ones stay too. At least one neuron stays.
 */
export function placeNeurons(dead: readonly boolean[]): Int32Array {
  const n = dead.length;
  const live = new Array<number>(LANES).fill(0);
  dead.forEach((is, i) => (live[i % LANES] += is ? 0 : 1));
  // Lane l has places l, l + 16, … below the width.
  const needed = live.map((count, lane) => (count === 0 ? 0 : (count - 1) * LANES + lane + 1));
  const kept = Math.min(n, Math.ceil(Math.max(1, ...needed) / STEP) * STEP);
  const place = new Int32Array(n);
  let aside = 0;
  const next = Array.from({ length: LANES }, (_, lane) => lane);
  const spare = live.map((count, lane) => Math.ceil(Math.max(0, kept - lane) / LANES) - count);
  dead.forEach((is, i) => {
    const lane = i % LANES;
    if (is && spare[lane] === 0) place[i] = -1 - aside++;
    else {
      if (is) spare[lane]--;
      place[i] = next[lane];
      next[lane] += LANES;
    }
  });
  return place;
}

/** The neurons that stay, in their new order, and those that are set aside. */
export function divide(place: Int32Array): { kept: Int32Array; rest: Int32Array } {
  const aside = place.filter((p) => p < 0).length;
  const kept = new Int32Array(place.length - aside);
  const rest = new Int32Array(aside);
  place.forEach((p, i) => (p < 0 ? (rest[-1 - p] = i) : (kept[p] = i)));
  return { kept, rest };
}

/** The place of each neuron when those set aside follow those that stay. */
export function placeOf(place: Int32Array): Int32Array {
  const { kept } = divide(place);
  return place.map((p) => (p < 0 ? kept.length - 1 - p : p));
}

/** As {@link placeOf}, for the rows of `count` matrices one after the other. */
export function placeRows(place: Int32Array, count: number): Int32Array {
  const { kept, rest } = divide(place);
  const rows = new Int32Array(count * place.length);
  for (let m = 0; m < count; m++) {
    const aside = count * kept.length + m * rest.length;
    place.forEach((p, i) => (rows[m * place.length + i] = p < 0 ? aside - 1 - p : m * kept.length + p));
  }
  return rows;
}
