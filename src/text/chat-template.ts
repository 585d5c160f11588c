import { createContext, Script, type Context } from 'node:vm';
import { Template } from '@huggingface/jinja';
import { LoadError, OptionError } from '../native/errors';

const LONGEST_TEMPLATE = 256 * 1024;
const TIME_LIMIT_MS = 1000;

/** A model's chat template, in the Jinja dialect of Hugging Face. */
export class ChatTemplate {
  /** The Jinja source. */
  readonly source: string;
  private readonly template: Template;

  /**
   * @param source Jinja source
   * @param where the file it comes from, for error texts
   * @throws LoadError if the source does not parse or is longer than 256 KiB
   */
  constructor(source: string, where: string) {
    if (source.length > LONGEST_TEMPLATE) {
      throw new LoadError(
        `expected a chat template of at most ${LONGEST_TEMPLATE} characters in ${where}, received ${source.length}. Use the template of the model's publisher.`,
        { op: 'loadTokenizer', details: { where, length: source.length } },
      );
    }
    try {
      this.template = new Template(source);
    } catch (cause) {
      throw new LoadError(
        `expected a chat template that parses in ${where}, received one with a fault: ${messageOf(cause)}. Restore the file from where the model came from.`,
        { op: 'loadTokenizer', details: { where }, cause },
      );
    }
    this.source = source;
  }

  /**
   * Renders the template. It sees plain data only, and is stopped after a second.
   *
   * @param variables the values the template can name
   * @throws OptionError if the template refuses the conversation (`raise_exception`), fails, or takes too long
   */
  render(variables: Readonly<Record<string, unknown>>): string {
    try {
      return withTimeLimit(() => this.template.render(variables));
    } catch (cause) {
      throw new OptionError(
        `expected a conversation that the model's chat template accepts, received one it refuses: ${messageOf(cause)}. Change the roles or their order to what the template wants.`,
        { op: 'applyChatTemplate', cause },
      );
    }
  }
}

const callBody = new Script('body()');
let context: Context | undefined;

/** Runs `body`, which must not be asynchronous, and throws when it takes longer than the limit. */
function withTimeLimit(body: () => string): string {
  context ??= createContext();
  context.body = body;
  try {
    return callBody.runInContext(context, { timeout: TIME_LIMIT_MS }) as string;
  } finally {
    delete context.body;
  }
}

// No instanceof: an error of the time limit comes from another realm.
function messageOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'message' in error ? String(error.message) : String(error);
}
