import type { ChatMessage } from '../../../chats.ts';

/** The object of the message's type. A business sends it beside common fields, a person alone. */
export const ownContent = <T>({ direction, content, type }: ChatMessage): Partial<T> =>
  ((direction === 'in' ? content : content[type]) ?? {}) as Partial<T>;

/** The message that this one answers or, of a reaction, is about. */
export function aboutMessage(message: ChatMessage): string | undefined {
  if (message.type === 'reaction') return ownContent<{ message_id: string }>(message).message_id;
  const { id, message_id } = (message.context ?? message.content.context ?? {}) as {
    id?: string;
    message_id?: string;
  };
  return id ?? message_id;
}
