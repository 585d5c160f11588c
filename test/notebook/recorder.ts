import type { DisplayWriter } from '../../src/notebook/kernel';
import { useWriter } from '../../src/notebook/kernel';

/** What a kernel was asked to show. */
export interface Shown {
  readonly html: string;
  readonly text: string;
  readonly id: string | undefined;
  readonly update: boolean;
}

/** Puts a recording kernel in place; `newCell` starts another run of a cell, as tslab does with a new writer. */
export function recordDisplays(): { shown: Shown[]; newCell(): void } {
  const shown: Shown[] = [];
  const newCell = (): void => {
    const writer: DisplayWriter = ({ data, transient }, update) => {
      shown.push({
        html: String(data['text/html'] ?? ''),
        text: String(data['text/plain'] ?? ''),
        id: transient.display_id,
        update,
      });
    };
    useWriter(writer);
  };
  newCell();
  return { shown, newCell };
}

/** Collects what is written to a stream of the process while `work` runs. */
export async function capture(stream: NodeJS.WriteStream, work: () => void | Promise<void>): Promise<string> {
  let text = '';
  const spy = jest.spyOn(stream, 'write').mockImplementation((chunk) => {
    text += String(chunk);
    return true;
  });
  try {
    await work();
  } finally {
    spy.mockRestore();
  }
  return text;
}
