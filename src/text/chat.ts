import { OptionError } from '../native/errors';
import { checkOptions, describe, nearestName } from '../native/options';

const ROLES = ['system', 'user', 'assistant', 'tool'] as const;

/** Who says a message. */
export type ChatRole = 'system' | 'user' | 'assistant' | 'tool';

/** One message of a conversation. */
export interface ChatMessage {
  readonly role: ChatRole;
  readonly content: string;
}

/**
 * Checks a conversation that comes from outside.
 *
 * @throws OptionError if it is no list, is empty, or a message has an unknown role, an unknown field or no text
 */
export function checkMessages(where: string, messages: unknown): asserts messages is readonly ChatMessage[] {
  if (!Array.isArray(messages) || messages.length === 0) {
    const received = Array.isArray(messages) ? 'an empty one' : describe(messages);
    throw new OptionError(`expected a list of messages, received ${received}. Pass [{ role: 'user', content: '…' }].`, {
      op: where,
    });
  }
  messages.forEach((message: unknown, index) => {
    const at = `${where} messages[${index}]`;
    if (message === undefined) throw badMessage(at, 'a message', message);
    checkOptions(at, message, ['role', 'content']);
    const { role, content } = message as Partial<Record<string, unknown>>;
    if (!ROLES.includes(role as ChatRole)) {
      const near = typeof role === 'string' ? nearestName(role, ROLES) : undefined;
      throw badMessage(at, `a role among ${ROLES.join(', ')}`, role, near && `Did you mean "${near}"?`);
    }
    if (typeof content !== 'string') throw badMessage(at, 'a content that is a string', content);
  });
}

function badMessage(where: string, expected: string, received: unknown, fix?: string): OptionError {
  return new OptionError(
    `expected ${expected}, received ${describe(received)}. ${fix ?? "Pass { role: 'user', content: '…' }."}`,
    { op: where },
  );
}
