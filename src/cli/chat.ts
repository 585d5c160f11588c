import { createInterface } from 'node:readline';

import type { LanguageEngine } from '../language-engine';
import { RotorError } from '../native/errors';
import type { ChatMessage } from '../text';
import type { Command, Context } from './command';
import { interruptedCode } from './command';
import { cacheFlag, cacheOptions, commonFlags, modelFlags, openModel, statusLine } from './model-flags';
import { printJson } from './output';
import { samplingFlags, samplingOptions } from './sampling-flags';
import { follow } from './stream';

/** `rotor chat`: a conversation, line by line. */
export const chatCommand: Command = {
  name: 'chat',
  summary: 'talk to a model; each line of input is a message',
  usage: 'rotor chat --model PATH [--system TEXT] [flags]',
  flags: [
    ...modelFlags,
    { name: 'system', value: 'TEXT', help: 'what the model is told first' },
    ...samplingFlags,
    cacheFlag,
    ...commonFlags,
  ],
  run,
};

const commands = 'Commands: /reset forgets the conversation, /exit ends it. Ctrl-C stops an answer.';

async function run(context: Context): Promise<number> {
  const { flags } = context;
  const status = statusLine(flags);
  const model = await openModel(context, status);
  // From turn to turn it keeps what was said.
  const engine = model.engine({ slots: 1, readAhead: 0, ...cacheOptions(flags) });
  try {
    const conversation = new Conversation(engine, context);
    return await (process.stdin.isTTY ? conversation.interactive() : conversation.piped());
  } finally {
    await engine.dispose();
    model.dispose();
  }
}

class Conversation {
  readonly #engine: LanguageEngine;
  readonly #context: Context;
  readonly #opening: readonly ChatMessage[];
  #messages: ChatMessage[];

  constructor(engine: LanguageEngine, context: Context) {
    const system = context.flags.text('system');
    this.#engine = engine;
    this.#context = context;
    this.#opening = system === undefined ? [] : [{ role: 'system', content: system }];
    this.#messages = [...this.#opening];
  }

  /** Every line of standard input is a message; an error ends it. */
  async piped(): Promise<number> {
    const lines = createInterface({ input: process.stdin, crlfDelay: Infinity });
    const stop = (): void => lines.close();
    this.#context.signal.addEventListener('abort', stop, { once: true });
    for await (const line of lines) {
      if (this.#context.signal.aborted || line === '/exit') break;
      await this.#take(line, this.#context.signal);
    }
    return 0;
  }

  /** With a prompt. Ctrl-C stops an answer; without one it ends the conversation. */
  async interactive(): Promise<number> {
    process.stderr.write(`${commands}\n`);
    const terminal = createInterface({ input: process.stdin, output: process.stderr, prompt: '> ' });
    let answer: AbortController | undefined;
    let interrupted = false;
    terminal.on('SIGINT', () => {
      if (answer !== undefined) return answer.abort();
      interrupted = true;
      terminal.close();
    });
    terminal.prompt();
    for await (const line of terminal) {
      if (line === '/exit') break;
      answer = new AbortController();
      try {
        await this.#take(line, answer.signal);
      } catch (error) {
        // One answer that cannot be given, such as beyond the context, does not end the conversation.
        if (!(error instanceof RotorError)) throw error;
        process.stderr.write(`${error.message}\n`);
      }
      answer = undefined;
      terminal.prompt();
    }
    terminal.close();
    return interrupted ? interruptedCode : 0;
  }

  async #take(line: string, signal: AbortSignal): Promise<void> {
    if (line.trim() === '') return;
    if (line === '/reset') {
      this.#messages = [...this.#opening];
      return;
    }
    const { flags } = this.#context;
    const messages: ChatMessage[] = [...this.#messages, { role: 'user', content: line }];
    const generation = this.#engine.chat(messages, { ...samplingOptions(flags), signal });
    const result = await follow(generation, {
      status: statusLine(flags),
      show: flags.has('json') ? 'nothing' : 'text',
    });
    this.#messages = [...messages, { role: 'assistant', content: result.text ?? '' }];
    if (flags.has('json')) await printJson(result);
  }
}
