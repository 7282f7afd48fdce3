/** A message in a chat, as the person sees it. */
export interface ChatMessage {
  readonly id: string;
  /** `in`: the person wrote it, `out`: the business did. */
  readonly direction: 'in' | 'out';
  readonly atMs: number;
  readonly type: string;
  /** Of the business: the objects of its message; of the person: the object of its type. */
  readonly content: Readonly<Record<string, unknown>>;
  /** What can be shown or played, by checksum. */
  readonly media: readonly { readonly type: string; readonly sha256: string }[];
  readonly context?: Readonly<Record<string, unknown>> | undefined;
  /** `sent` until something else is known; of a message of the person `read` once the business has read it. */
  status: string;
  error?: { readonly code: number; readonly title: string } | undefined;
}

export interface Chat {
  readonly waId: string;
  readonly messages: ChatMessage[];
}

/** Chats and messages that are remembered; older ones are dropped, so that memory stays what it is. */
const REMEMBERED = { chats: 2_000, messagesOfAChat: 100 } as const;

/** What people and businesses have written to each other, for whoever looks at it. */
export class Chats {
  /** By number and person, the least recent first. */
  readonly #chats = new Map<string, Chat>();
  /** Chats by the messages that something may still happen to. */
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
      const [[oldestKey, oldest] = ['', undefined]] = this.#chats;
      this.#chats.delete(oldestKey);
      for (const dropped of oldest?.messages ?? []) this.#forget(dropped);
    }
  }

  update(id: string, change: Pick<ChatMessage, 'status' | 'error'>): void {
    const message = this.#byMessage.get(id);
    if (message) Object.assign(message, change);
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

  toJSON(): [string, Chat][] {
    return [...this.#chats];
  }

  restore(chats: readonly [string, Chat][]): void {
    for (const [key, chat] of chats) {
      this.#chats.set(key, chat);
      for (const message of chat.messages) this.#byMessage.set(message.id, message);
    }
  }

  #forget(message: ChatMessage | undefined): void {
    if (message) this.#byMessage.delete(message.id);
  }
}
