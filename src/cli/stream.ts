import type { Generation, GenerateResult } from '../generate';
import type { StatusLine } from './output';
import { print } from './output';

/** How a generation is shown while it runs. */
export interface StreamOptions {
  readonly status: StatusLine;
  /** What to print as it comes: the text, the ids (of a model without a tokenizer), or nothing. */
  readonly show: 'text' | 'ids' | 'nothing';
}

/** Follows a generation of one sequence to its end and returns the result. */
export async function follow(generation: Generation, { status, show }: StreamOptions): Promise<GenerateResult> {
  let printed = '';
  for await (const { id, text } of generation) {
    status.clear();
    const piece = show === 'text' ? text : `${printed === '' ? '' : ' '}${id}`;
    printed += piece;
    if (show !== 'nothing') await print(piece);
    // Lets signals in: on the reference device nothing else leaves this turn of the event loop.
    await new Promise((resolve) => setImmediate(resolve));
  }
  status.clear();
  const [result] = await generation.result();
  // What an abort left unsaid because it could have become a stop string.
  const rest = show === 'text' && result.text?.startsWith(printed) ? result.text.slice(printed.length) : '';
  if (show !== 'nothing') await print(`${rest}\n`);
  return result;
}
