import { OptionError } from '../native/errors';
import type { Tensor } from '../tensor/tensor';
import { expectDType } from '../tensor/tensor';
import { gqaCases } from './attention-cases';
import { callOne } from './dispatch';
import { expectShape } from './expect';
import { cacheReader, cacheRow, expectCache, expectRows } from './kv';
import type { OpDef, RefArray, TensorSpec } from './schema';
import { touch } from './schema';

/** Attributes of attention scores. */
export interface ScoreAttrs {
  /** Multiplies every dot product. */
  readonly scale: number;
  /** Positions 0 up to this get a score: the last dimension S of the result. */
  readonly length: number;
}

// Attention reads caches up to lengths that only the data knows; costs count the whole of them.
const work = (heads: number, rows: number, cache: TensorSpec): number =>
  2 * heads * rows * cache.shape[2] * cache.shape[3];

function checkQuery(op: string, q: TensorSpec): void {
  expectDType(op, 'q', q, 'f32');
  expectShape(op, 'q', q, [-1, -1, -1]);
}

function checkScale(op: string, scale: number): void {
  if (!Number.isFinite(scale)) throw new OptionError(`expected a finite scale, received ${String(scale)}.`, { op });
}

type AtHead = (t: number, h: number, slot: number, p: number) => number;
type AddValue = (t: number, h: number, slot: number, p: number, weight: number) => void;

// Place in a cache of what head h reads at position p.
function placeOf([, kvHeads, positions]: readonly number[], heads: number): AtHead {
  return (_t, h, slot, p) => (slot * kvHeads + Math.floor(h / (heads / kvHeads))) * positions + p;
}

// Gives the product of head h of row t with the key at position p.
function dotWith(q: RefArray, keys: RefArray, scales: RefArray | undefined): AtHead {
  const [, heads, size] = q.shape;
  const read = cacheReader(keys, scales);
  const place = placeOf(keys.shape, heads);
  return (t, h, slot, p) => {
    const at = place(t, h, slot, p);
    let sum = 0;
    for (let i = 0; i < size; i++) sum += q.data[(t * heads + h) * size + i] * read(at, i);
    return sum;
  };
}

// Adds weight times the value at position p to head h of row t.
function addTo(z: RefArray, values: RefArray, scales: RefArray | undefined): AddValue {
  const [, heads, size] = z.shape;
  const read = cacheReader(values, scales);
  const place = placeOf(values.shape, heads);
  return (t, h, slot, p, weight) => {
    const at = place(t, h, slot, p);
    for (let i = 0; i < size; i++) z.data[(t * heads + h) * size + i] += weight * read(at, i);
  };
}

// Scales of int8 caches come last.
const some = (scales: readonly (Tensor | undefined)[]): Tensor[] => scales.filter((x): x is Tensor => x !== undefined);

/**
 * `attention`: causal attention of each row over positions 0 to its own, from the cache (Vaswani et al. 2017; grouped
 * heads, Ainslie et al. 2023: head h reads key/value head `floor(h / (H / Hkv))`). Nothing beyond a row's position is read.
 * The same bits as `attn_scores`, `softmax`, `attn_values`. Rows at position -1 give zeros.
 */
export const attentionDef: OpDef<{ readonly scale: number }> = {
  name: 'attention',
  infer([q, keys, values, slot, pos, keyScales, valueScales], { scale }) {
    checkQuery('attention', q);
    checkScale('attention', scale);
    expectCache('attention', keys, keyScales, q.shape[1], q.shape[2]);
    expectCache('attention', values, valueScales, q.shape[1], q.shape[2]);
    expectDType('attention', 'a value cache', values, keys.dtype);
    expectShape('attention', 'a value cache', values, keys.shape);
    expectRows('attention', slot, pos, q.shape[0]);
    return [{ shape: q.shape, dtype: 'f32' }];
  },
  encode: ({ scale }) => [scale],
  reference([q, keys, values, slot, pos, keyScales, valueScales], { scale }, [z]) {
    const dot = dotWith(q, keys, keyScales);
    const addValue = addTo(z, values, valueScales);
    for (let t = 0; t < q.shape[0]; t++) {
      const at = cacheRow('attention', keys, slot, pos, t);
      if (at === undefined) continue;
      for (let h = 0; h < q.shape[1]; h++) {
        const scores = Array.from({ length: at.pos + 1 }, (_, p) => dot(t, h, at.slot, p) * scale);
        const top = scores.reduce((a, b) => Math.max(a, b));
        const weights = scores.map((s) => Math.exp(s - top));
        const sum = weights.reduce((a, b) => a + b);
        weights.forEach((e, p) => addValue(t, h, at.slot, p, e / sum));
      }
    }
  },
  cost: (inputs, outputs) => ({
    ops: 2 * work(inputs[0].shape[1], inputs[0].shape[0], inputs[1]),
    bytes: touch(inputs, outputs),
  }),
  tolerance: {
    rel: 2 ** -14,
    why: 'a score is off by at most 21 roundings (E up to 256) of the sum of |q k| * scale, taken as up to 20; softmax doubles that as a relative error: 840 roundings of 2^-24',
  },
  cases: () =>
    gqaCases().map(({ name, q, keys, values, slot, pos, keyScales, valueScales, scale }) => ({
      name,
      inputs: [q, keys, values, slot, pos, ...keyScales, ...valueScales],
      attrs: { scale },
    })),
};

/** `attn_scores`: `q · k * scale` of each row at positions 0 to its own, minus infinity beyond. */
export const attnScoresDef: OpDef<ScoreAttrs> = {
  name: 'attn_scores',
  infer([q, keys, slot, pos, scales], { scale, length }) {
    checkQuery('attn_scores', q);
    checkScale('attn_scores', scale);
    expectCache('attn_scores', keys, scales, q.shape[1], q.shape[2]);
    expectRows('attn_scores', slot, pos, q.shape[0]);
    if (!(Number.isInteger(length) && length >= 0 && length < 2 ** 31)) {
      throw new OptionError(`expected a whole length of at least 0, received ${String(length)}.`, {
        op: 'attn_scores',
      });
    }
    return [{ shape: [q.shape[1], q.shape[0], length], dtype: 'f32' }];
  },
  encode: ({ scale, length }) => [scale, length],
  reference([q, keys, slot, pos, keyScales], { scale, length }, [scores]) {
    const dot = dotWith(q, keys, keyScales);
    const [rows, heads] = q.shape;
    scores.data.fill(-Infinity);
    for (let t = 0; t < rows; t++) {
      const at = cacheRow('attn_scores', keys, slot, pos, t);
      if (at === undefined) continue;
      for (let h = 0; h < heads; h++) {
        for (let p = 0; p <= at.pos && p < length; p++)
          scores.data[(h * rows + t) * length + p] = dot(t, h, at.slot, p) * scale;
      }
    }
  },
  cost: (inputs, outputs) => ({
    ops: work(inputs[0].shape[1], inputs[0].shape[0], inputs[1]),
    bytes: touch(inputs, outputs),
  }),
  tolerance: {
    rel: 64 * 2 ** -24,
    why: 'E up to 256: a lane adds 16 products, the tree 4 sums, the scale one rounding; the sum of magnitudes is up to 3 times the largest score',
  },
  cases: () =>
    gqaCases().map(({ name, q, keys, slot, pos, keyScales, scale }, i) => ({
      name,
      inputs: [q, keys, slot, pos, ...keyScales],
      attrs: { scale, length: i % 2 === 0 ? keys.shape[2] : keys.shape[2] - 2 },
    })),
};

/**
 * `attn_values`: the values of positions 0 to each row's own, weighted by a pattern. Blocks of 128 positions are summed in order,
 * and then their sums. Rows at position
 * -1 give zeros, and values beyond a row's position are never read.
 */
export const attnValuesDef: OpDef = {
  name: 'attn_values',
  infer([pattern, values, slot, pos, scales]) {
    expectDType('attn_values', 'the pattern', pattern, 'f32');
    expectShape('attn_values', 'the pattern', pattern, [-1, -1, -1]);
    expectCache('attn_values', values, scales, pattern.shape[0], values.shape[3] ?? -1);
    expectRows('attn_values', slot, pos, pattern.shape[1]);
    return [{ shape: [pattern.shape[1], pattern.shape[0], values.shape[3]], dtype: 'f32' }];
  },
  reference([pattern, values, slot, pos, valueScales], _attrs, [z]) {
    const addValue = addTo(z, values, valueScales);
    const [heads, rows, length] = pattern.shape;
    for (let t = 0; t < rows; t++) {
      const at = cacheRow('attn_values', values, slot, pos, t);
      if (at === undefined) continue;
      for (let h = 0; h < heads; h++) {
        for (let p = 0; p <= at.pos && p < length; p++)
          addValue(t, h, at.slot, p, pattern.data[(h * rows + t) * length + p]);
      }
    }
  },
  cost: (inputs, outputs) => ({
    ops: work(inputs[0].shape[0], inputs[0].shape[1], inputs[1]),
    bytes: touch(inputs, outputs),
  }),
  tolerance: {
    rel: 512 * 2 ** -24,
    why: 'one rounding a position, up to 128 positions in the worst case (or 16000 at random), each of a partial sum up to 4 times the largest result',
  },
  cases: () =>
    gqaCases().map(({ name, pattern, values, slot, pos, valueScales }) => ({
      name,
      inputs: [pattern, values, slot, pos, ...valueScales],
      attrs: {},
    })),
};

/** Scales of an int8 key/value cache: f32 `[slots, Hkv, P]` each. */
export interface CacheScales {
  readonly keys: Tensor;
  readonly values: Tensor;
}

/**
 * Causal attention from a cache.
 *
 * @param q f32 `[T, H, E]`
 * @param keys f32, f16 or i8 `[slots, Hkv, P, E]`, H a multiple of Hkv
 * @param values as `keys`
 * @param slot i32 `[T]`
 * @param pos i32 `[T]`; row t sees positions 0 to `pos[t]`; -1 is an idle row and gives zeros
 * @param scale multiplies the scores, usually `1 / sqrt(E)`
 * @param scales of an i8 cache
 * @returns f32 `[T, H, E]`
 * @throws ShapeError if a slot or position is outside the cache
 */
export function attention(
  q: Tensor,
  keys: Tensor,
  values: Tensor,
  slot: Tensor,
  pos: Tensor,
  scale: number,
  scales?: CacheScales,
): Tensor {
  return callOne(attentionDef, [q, keys, values, slot, pos, ...some([scales?.keys, scales?.values])], { scale });
}

/**
 * Scores before softmax: f32 `[H, T, S]`, minus infinity beyond each row's position.
 *
 * @param q f32 `[T, H, E]`
 * @param keys f32, f16 or i8 `[slots, Hkv, P, E]`
 * @param slot i32 `[T]`
 * @param pos i32 `[T]`
 * @param attrs `scale`, and `length` S
 * @param scales of an i8 cache, f32 `[slots, Hkv, P]`
 */
export function attnScores(
  q: Tensor,
  keys: Tensor,
  slot: Tensor,
  pos: Tensor,
  attrs: ScoreAttrs,
  scales?: Tensor,
): Tensor {
  return callOne(attnScoresDef, [q, keys, slot, pos, ...some([scales])], attrs);
}

/**
 * Values weighted by a pattern: f32 `[T, H, E]`.
 *
 * @param pattern f32 `[H, T, S]`
 * @param values f32, f16 or i8 `[slots, Hkv, P, E]`
 * @param slot i32 `[T]`
 * @param pos i32 `[T]`
 * @param scales of an i8 cache, f32 `[slots, Hkv, P]`
 */
export function attnValues(pattern: Tensor, values: Tensor, slot: Tensor, pos: Tensor, scales?: Tensor): Tensor {
  return callOne(attnValuesDef, [pattern, values, slot, pos, ...some([scales])], {});
}
