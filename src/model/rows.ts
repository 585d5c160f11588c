import { ContextError, OptionError } from '../native/errors';
import { describe } from '../native/options';
import type { Rows } from '../nn/attention';
import { tensor } from '../tensor/create';
import type { DeviceName } from '../tensor/dtype';
import type { BitNetConfig } from './config';

/**
 * Checks a sequence of token ids against a model.
 *
 * @param start position of the first id
 * @throws OptionError for an empty sequence or an id outside the vocabulary; ContextError beyond the model's context
 */
export function checkIds(op: string, ids: ArrayLike<number>, config: BitNetConfig, start = 0): void {
  if (typeof ids !== 'object' || ids === null || !Number.isInteger(ids.length)) {
    throw new OptionError(`expected an array of token ids, received ${describe(ids)}.`, { op });
  }
  if (ids.length === 0) {
    throw new OptionError('expected at least one token id, received an empty prompt. Start with the BOS token.', {
      op,
    });
  }
  for (let i = 0; i < ids.length; i++) {
    if (!(Number.isInteger(ids[i]) && ids[i] >= 0 && ids[i] < config.vocabSize)) {
      throw new OptionError(
        `expected token ids from 0 to ${config.vocabSize - 1}, received ${String(ids[i])} at position ${i}.`,
        { op },
      );
    }
  }
  checkContext(op, start + ids.length, config);
}

/** Throws ContextError unless `positions` fit the context of the model. */
export function checkContext(op: string, positions: number, config: BitNetConfig): void {
  if (positions <= config.maxPositionEmbeddings) return;
  throw new ContextError(
    `expected at most ${config.maxPositionEmbeddings} positions, received ${positions}. Shorten the prompt or ask for fewer tokens.`,
    { op, details: { limit: config.maxPositionEmbeddings, positions } },
  );
}

/** Rows for consecutive tokens of one sequence: i32 ids, positions from `start`, all in `slot`. */
export function consecutiveRows(ids: ArrayLike<number>, device: DeviceName, start = 0, slot = 0): Rows {
  const make = (value: (i: number) => number): ReturnType<typeof tensor> =>
    tensor(
      Int32Array.from({ length: ids.length }, (_, i) => value(i)),
      { device },
    );
  return { ids: make((i) => ids[i]), pos: make((i) => start + i), slot: make(() => slot), span: start + ids.length };
}
