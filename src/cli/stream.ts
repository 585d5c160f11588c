import type { Generation, GenerateResult } from '../generate';
import type { StatusLine } from './output';
import { print } from './output';

/** How a generation is shown while it runs. */
export interface StreamOptions {
  readonly status: StatusLine;
  /** Print the text, or the ids of a model without a tokenizer, as they come. */
  readonly show: boolean;
}

/** Follows a generation of one sequence to its end and returns the result. */
export async function follow(generation: Generation, { status, show }: StreamOptions): Promise<GenerateResult> {
  let printed = '';
  for await (const { id, text } of generation) {
    status.clear();
    if (show) {
      const piece = text ?? `${printed === '' ? '' : ' '}${id}`;
      printed += piece;
      await print(piece);
    }
    // Lets signals in: on the reference device nothing else leaves this turn of the event loop.
    await new Promise((resolve) => setImmediate(resolve));
  }
  status.clear();
  const [result] = await generation.result();
  // What was held back because it could have been the start of a stop string.
  if (show) await print(`${result.text?.startsWith(printed) ? result.text.slice(printed.length) : ''}\n`);
  return result;
}
