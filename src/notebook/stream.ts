import { checkOptions } from '../native/options';
import { LiveOutput } from './output';
import type { MimeBundle } from './mime';
import { escapeHtml } from './mime';

/** Options of {@link textStream} and {@link streamText}. */
export interface TextStreamOptions {
  /** Text shown before the stream, dimmed, such as the prompt. It is no part of the result. */
  readonly prompt?: string;
}

/** Text that grows while one looks. */
export interface TextStream {
  /** Adds text. Drawn at most ten times a second. */
  write(text: string): void;
  /** Draws the rest; `note` is put on a line of its own below the text, such as a speed. */
  end(note?: string): void;
  /** All text written so far, without prompt and note. */
  readonly text: string;
}

/** A piece of a stream: text, or anything that carries its text. */
export type TextPiece = string | { readonly text: string };

/**
 * Opens a text that grows: below the running cell in a notebook, otherwise on stdout.
 *
 * @param options the prompt to show before it
 */
export function textStream(options: TextStreamOptions = {}): TextStream {
  checkOptions('textStream', options, ['prompt']);
  const { prompt = '' } = options;
  const state = { text: '', note: '', ended: false };
  const output = LiveOutput.open(() => streamBundle(prompt, state.text, state.note));
  if (output) output.changed();
  else if (prompt !== '') process.stdout.write(prompt);
  return {
    write(text: string): void {
      if (state.ended || text === '') return;
      state.text += text;
      if (output) output.changed();
      else process.stdout.write(text);
    },
    end(note = ''): void {
      if (state.ended) return;
      state.ended = true;
      state.note = note;
      if (output) output.flush();
      else process.stdout.write(`\n${note === '' ? '' : `${note}\n`}`);
    },
    get text(): string {
      return state.text;
    },
  };
}

/**
 * Shows a stream as it arrives, for example a generation. When the stream fails, what came is drawn and the error passes on.
 *
 * @param pieces texts, or objects with a `text`
 * @param options the prompt to show before it
 * @returns the whole text
 */
export async function streamText(
  pieces: AsyncIterable<TextPiece> | Iterable<TextPiece>,
  options: TextStreamOptions = {},
): Promise<string> {
  const out = textStream(options);
  try {
    for await (const piece of pieces) out.write(typeof piece === 'string' ? piece : piece.text);
  } finally {
    out.end();
  }
  return out.text;
}

function streamBundle(prompt: string, text: string, note: string): MimeBundle {
  const dim = prompt === '' ? '' : `<span style="color:#888888">${escapeHtml(prompt)}</span>`;
  const below =
    note === '' ? '' : `<div style="font-family:sans-serif;font-size:12px;color:#666666">${escapeHtml(note)}</div>`;
  return {
    'text/html': `<div><pre style="white-space:pre-wrap;margin:0">${dim}${escapeHtml(text)}</pre>${below}</div>`,
    'text/plain': `${prompt}${text}${note === '' ? '' : `\n${note}`}`,
  };
}
