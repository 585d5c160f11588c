import { logprobsOf } from '../../src/generate/logprobs';
import { isSeed, randomSeed, seedWords } from '../../src/generate/seed';

describe('logprobsOf', () => {
  test('the probabilities of all tokens add up to one', () => {
    const row = Float32Array.of(3, -1, 0.5, 3, 2);
    const { top } = logprobsOf(row, 0, 5);
    expect(top.map((t) => t.id)).toEqual([0, 3, 4, 2, 1]);
    expect(top.reduce((sum, t) => sum + Math.exp(t.logprob), 0)).toBeCloseTo(1, 12);
    expect(logprobsOf(row, 4, 2)).toEqual({ logprob: top[2].logprob, top: top.slice(0, 2) });
  });

  test('huge logits do not overflow, and nothing is listed when nothing is asked for', () => {
    expect(logprobsOf([1e30, 0], 0, 0)).toEqual({ logprob: 0, top: [] });
    expect(logprobsOf([-1e30, -1e30], 1, 3).top).toHaveLength(2);
  });
});

describe('seeds', () => {
  test.each([0, 1, 2 ** 53 - 1, 0n, 2n ** 64n - 1n])('%p is one', (seed) => expect(isSeed(seed)).toBe(true));
  test.each([-1, 1.5, 2 ** 53, NaN, 2n ** 64n, -1n, '1', null])('%p is none', (seed) =>
    expect(isSeed(seed)).toBe(false),
  );

  test('words: the lower one first, the same for number and bigint', () => {
    expect(seedWords(5)).toEqual([5, 0]);
    expect(seedWords(2 ** 32 + 7)).toEqual([7, 1]);
    expect(seedWords(2n ** 64n - 1n)).toEqual([-1, -1]);
    expect(seedWords(12345678901234n)).toEqual(seedWords(12345678901234));
    expect(isSeed(randomSeed())).toBe(true);
  });
});
