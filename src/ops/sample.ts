import { ShapeError } from '../native/errors';
import { shapeText } from '../tensor/shape';
import type { Tensor } from '../tensor/tensor';
import { expectDType } from '../tensor/tensor';
import { callOne } from './dispatch';
import { expectShape } from './expect';
import { philox } from './philox';
import { sampleCases } from './sample-cases';
import type { OpDef, RefArray } from './schema';
import { touch } from './schema';

/** What the sampler reads and writes, one entry per row. */
export interface SampleState {
  /** i32 `[B]`, written: the drawn token, or -1 when there was none to draw. */
  readonly token: Tensor;
  /** i32 `[B]`, one is added; a row below 0 is idle and left alone. */
  readonly pos: Tensor;
  /** i32 `[B]`, one is added: the counter of the random generator. */
  readonly step: Tensor;
  /** i32 `[B, 2]`: the key of the random generator. */
  readonly seed: Tensor;
  /** f32 `[B, 8]`: temperature, topK, topP, minP, typicalP, repetition, presence, frequency. */
  readonly params: Tensor;
  /** i32 `[B, V]`, counts the drawn token: bit 30 says that a token occurs in the prompt, the bits below how often it was drawn. */
  readonly seen: Tensor;
  /** f32 `[B, V]`, added to the logits. */
  readonly bias: Tensor;
}

interface Candidate {
  readonly id: number;
  /** (logit - largest) / temperature */
  readonly key: number;
  /** e^key */
  readonly weight: number;
}

const countMask = 0x3fffffff;
const total = (set: readonly Candidate[]): number => set.reduce((sum, c) => sum + c.weight, 0);

// The shortest prefix whose weights add up to `need`: at least one candidate.
function prefix(set: readonly Candidate[], need: number): Candidate[] {
  let sum = 0;
  const at = set.findIndex((c) => (sum += c.weight) >= need);
  return set.slice(0, at < 0 ? set.length : at + 1);
}

function byKey(a: Candidate, b: Candidate): number {
  return b.key - a.key || a.id - b.id;
}

// Meister et al. 2022: nearest to the entropy first.
function typical(set: readonly Candidate[], mass: number): Candidate[] {
  const sum = total(set);
  const logSum = Math.log(sum);
  const entropy = logSum - set.reduce((s, c) => s + c.weight * c.key, 0) / sum;
  const distance = (c: Candidate): number => Math.abs(logSum - c.key - entropy);
  const sorted = [...set].sort((a, b) => distance(a) - distance(b) || a.id - b.id);
  return prefix(sorted, mass * sum).sort(byKey);
}

/** A uniform double in (0, 1) with 52 random bits: word 0 and word 1 of Philox at counter (step, 0, 0, 0). */
export function sampleUniform(seed: readonly [number, number], step: number): number {
  const [a, b] = philox([step, 0, 0, 0], seed);
  return ((a >>> 6) * 2 ** 26 + (b >>> 6) + 0.5) * 2 ** -52;
}

/** What the sampler goes by, of a logit: with bias and penalties. Increasing in the logit for a repetition penalty above 0. */
export function adjustedLogit(logit: number, bias: number, seen: number, params: ArrayLike<number>): number {
  const z = logit + bias;
  if ((seen & 0x7fffffff) === 0) return z;
  const count = seen & countMask;
  const repeated = z < 0 ? z * params[5] : z / params[5];
  return count > 0 ? repeated - params[6] - params[7] * count : repeated;
}

/**
 * Probabilities from which the sampler draws, after all penalties and filters: pairs of token and probability, most
 * probable first. Empty when nothing can be drawn. Temperature 0 gives one token.
 *
 * @param logits of one row; `bias` and `seen` of the same length; `params` as in {@link SampleState}
 */
export function sampleDistribution(
  logits: ArrayLike<number>,
  params: ArrayLike<number>,
  seen: ArrayLike<number>,
  bias: ArrayLike<number>,
): { id: number; probability: number }[] {
  const [temperature, topK, topP, minP, typicalP] = Array.from(params);
  const adjusted = Array.from(logits, (logit, id) =>
    logit < Infinity ? adjustedLogit(logit, bias[id], seen[id], params) : NaN,
  );
  if (!adjusted.every((z) => z < Infinity) || !(temperature >= 0 && temperature < Infinity)) return [];
  const top = adjusted.reduce((a, b) => Math.max(a, b), -Infinity);
  if (top === -Infinity) return [];
  if (temperature === 0) return [{ id: adjusted.indexOf(top), probability: 1 }];
  let set: Candidate[] = adjusted
    .map((z, id) => ({ id, key: (z - top) / temperature, weight: Math.exp((z - top) / temperature) }))
    .filter(({ key }) => key >= -700)
    .sort(byKey);
  if (topK >= 1) set = set.slice(0, Math.floor(topK));
  if (typicalP < 1) set = typical(set, typicalP);
  if (topP < 1) set = prefix(set, topP * total(set));
  if (minP > 0) set = set.filter((c, _i, all) => c.weight >= Math.min(minP, 1) * all[0].weight);
  const sum = total(set);
  return set.map(({ id, weight }) => ({ id, probability: weight / sum }));
}

function row(x: RefArray, t: number): ArrayLike<number> {
  const n = x.shape[1];
  return x.data.subarray(t * n, (t + 1) * n);
}

function logSoftmax(logits: ArrayLike<number>, id: number): number {
  const top = Array.from(logits).reduce((a, b) => Math.max(a, b));
  return logits[id] - top - Math.log(Array.from(logits).reduce((sum, x) => sum + Math.exp(x - top), 0));
}

/**
 * `sample_`: draws the next token of every row and moves the row on.
 *
 * In this order: bias; repetition penalty on tokens of prompt and output (Keskar et al. 2019, as Hugging Face), presence and
 * frequency penalties on tokens of the output (as OpenAI); temperature; top-k; typical-p (Meister et al. 2022); top-p
 * (Holtzman et al. 2020); min-p (Nguyen et al. 2024); then one uniform number of Philox4x32-10 (key: the seed, counter: the
 * step) picks from the cumulative distribution, most probable token first, ties by lower id. Temperature 0 takes the largest
 * logit after penalties, ties by lower id. A filter keeps at least one token; a filter parameter that is NaN is off.
 *
 * NaN or plus infinity among the logits, or nothing left, gives token -1 and a log probability of NaN, and moves nothing.
 * All arithmetic is in double. A row's token depends on nothing but the row.
 */
export const sampleDef: OpDef = {
  name: 'sample_',
  mutates: [1, 2, 3, 6],
  infer([logits, token, pos, step, seed, params, seen, bias]) {
    for (const [what, x] of Object.entries({ logits, parameters: params, biases: bias }))
      expectDType('sample_', what, x, 'f32');
    for (const [what, x] of Object.entries({
      tokens: token,
      positions: pos,
      steps: step,
      seeds: seed,
      'seen counts': seen,
    })) {
      expectDType('sample_', what, x, 'i32');
    }
    expectShape('sample_', 'logits', logits, [-1, -1]);
    const [rows, vocab] = logits.shape;
    if (vocab === 0)
      throw new ShapeError(`expected a vocabulary of at least one token, received ${shapeText(logits.shape)}.`, {
        op: 'sample_',
      });
    for (const [what, x] of Object.entries({ tokens: token, positions: pos, steps: step }))
      expectShape('sample_', what, x, [rows]);
    expectShape('sample_', 'seeds', seed, [rows, 2]);
    expectShape('sample_', 'parameters', params, [rows, 8]);
    expectShape('sample_', 'seen counts', seen, [rows, vocab]);
    expectShape('sample_', 'biases', bias, [rows, vocab]);
    return [{ shape: [rows], dtype: 'f32' }];
  },
  reference([logits, token, pos, step, seed, params, seen, bias], _attrs, [logprob]) {
    const [rows, vocab] = logits.shape;
    for (let t = 0; t < rows; t++) {
      if (pos.data[t] < 0) continue;
      const choices = sampleDistribution(row(logits, t), row(params, t), row(seen, t), row(bias, t));
      if (choices.length === 0) {
        token.data[t] = -1;
        logprob.data[t] = NaN;
        continue;
      }
      let rest = sampleUniform([seed.data[2 * t], seed.data[2 * t + 1]], step.data[t]);
      const { id } = choices.find(({ probability }) => (rest -= probability) <= 0) ?? choices[choices.length - 1];
      logprob.data[t] = logSoftmax(row(logits, t), id);
      token.data[t] = id;
      step.data[t] += 1;
      pos.data[t] += 1;
      if ((seen.data[t * vocab + id] & countMask) !== countMask) seen.data[t * vocab + id] += 1;
    }
  },
  cost: (inputs, outputs) => ({ ops: 20 * inputs[0].shape[0] * inputs[0].shape[1], bytes: touch(inputs, outputs) }),
  tolerance: { rel: 1.01 * 2 ** -24, why: 'computed in double, rounded once' },
  cases: () => sampleCases(),
};

/**
 * Draws the next token of every row; see {@link sampleDef} for the rules.
 *
 * @param logits f32 `[B, V]`
 * @param state read and written in place
 * @returns f32 `[B]`: log softmax of the raw logits at the drawn token; 0 for idle rows, NaN where no token was drawn
 */
export function sample_(logits: Tensor, state: SampleState): Tensor {
  const { token, pos, step, seed, params, seen, bias } = state;
  return callOne(sampleDef, [logits, token, pos, step, seed, params, seen, bias], {});
}
