import * as z from 'zod';

/** A message in a chat, as the person sees it. */
export const chatMessage = z.object({
  id: z.string(),
  direction: z.enum(['in', 'out']).meta({ description: 'in: the person wrote it, out: the business did' }),
  atMs: z.number(),
  type: z.string(),
  content: z.record(z.string(), z.unknown()).readonly().meta({
    description: 'Of the business: the objects of its message; of the person: the object of its type',
  }),
  media: z.array(z.object({ type: z.string(), sha256: z.string() }).readonly()).readonly(),
  context: z.record(z.string(), z.unknown()).readonly().optional(),
  status: z.string().meta({ description: 'sent until more is known; read once the business has read it' }),
  error: z.object({ code: z.int(), title: z.string() }).readonly().optional(),
});
export type ChatMessage = z.output<typeof chatMessage>;

export interface Chat {
  readonly waId: string;
  readonly messages: ChatMessage[];
}

/** Chats and messages that are kept. Older ones are dropped, so that memory is bounded. */
const REMEMBERED = { chats: 2_000, messagesOfAChat: 100 } as const;

/** What people and businesses wrote to each other, for the control page and API. */
export class Chats {
  /** By number and person, the least recent first. */
  readonly #chats = new Map<string, Chat>();
  /** Messages of the kept chats by id, for changes of their status. */
  readonly #byMessage = new Map<string, ChatMessage>();

  add(number: string, waId: string, message: ChatMessage): void {
    const key = `${number}/${waId}`;
    const chat = this.#chats.get(key) ?? { waId, messages: [] };
    this.#chats.delete(key);
    this.#chats.set(key, chat);
    chat.messages.push(message);
    this.#byMessage.set(message.id, message);
    if (chat.messages.length > REMEMBERED.messagesOfAChat) this.#forget(chat.messages.shift());
    if (this.#chats.size > REMEMBERED.chats) {
      const [oldestKey = ''] = this.#chats.keys();
      this.#drop(oldestKey);
    }
  }

  update(id: string, change: Pick<ChatMessage, 'status' | 'error'>): void {
    const message = this.#byMessage.get(id);
    if (message) Object.assign(message, change);
  }

  /** The numbers that have a chat with a person. */
  numbersWith(waId: string): string[] {
    return [...this.#chats].flatMap(([key, chat]) =>
      chat.waId === waId ? [key.slice(0, -waId.length - 1)] : [],
    );
  }

  /** Chats with a person go on under another WhatsApp id. */
  move(waId: string, newWaId: string): void {
    for (const number of this.numbersWith(waId)) {
      const messages = this.chat(number, waId)?.messages ?? [];
      this.#chats.delete(`${number}/${waId}`);
      for (const message of messages) this.add(number, newWaId, message);
    }
  }

  /** Forgets the chats with a person. */
  remove(waId: string): void {
    for (const number of this.numbersWith(waId)) this.#drop(`${number}/${waId}`);
  }

  /** Of a number, the most recent first. */
  of(number: string): Chat[] {
    return [...this.#chats]
      .filter(([key]) => key.startsWith(`${number}/`))
      .map(([, chat]) => chat)
      .reverse();
  }

  chat(number: string, waId: string): Chat | undefined {
    return this.#chats.get(`${number}/${waId}`);
  }

  clear(): void {
    this.#chats.clear();
    this.#byMessage.clear();
  }

  toJSON(): [string, Chat][] {
    return [...this.#chats];
  }

  restore(chats: readonly [string, Chat][]): void {
    for (const [key, chat] of chats) {
      this.#chats.set(key, chat);
      for (const message of chat.messages) this.#byMessage.set(message.id, message);
    }
  }

  #drop(key: string): void {
    for (const message of this.#chats.get(key)?.messages ?? []) this.#forget(message);
    this.#chats.delete(key);
  }

  #forget(message: ChatMessage | undefined): void {
    if (message) this.#byMessage.delete(message.id);
  }
}
