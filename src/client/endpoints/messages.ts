import { type MessageToSend, sendResponse } from '../../onprem/messages.ts';
import type { Calls, Session } from '../calls.ts';

const MESSAGES = '/v1/messages';

/** Node Messages. Source: docs/onprem/api-messaging.md §2, §3. */
export class Messages {
  readonly #calls: Calls;

  constructor(calls: Calls) {
    this.#calls = calls;
  }

  /**
   * `POST /v1/messages`. @returns the id of the message, which is accepted, not yet sent; the webhook reports its status.
   * 1011, 1015, 1016 and 1018 may be retried; without an answer the stack may have accepted the message.
   */
  async send(session: Session, message: MessageToSend, signal: AbortSignal): Promise<string> {
    const call = { method: 'POST', path: MESSAGES, json: message, isRepeatable: false } as const;
    return (await this.#calls.json(sendResponse, session, call, signal)).messages[0]?.id ?? '';
  }

  /** The same with a text of up to 4096 characters. */
  sendText(session: Session, to: string, text: string, signal: AbortSignal): Promise<string> {
    return this.send(
      session,
      { to, type: 'text', recipient_type: 'individual', text: { body: text } },
      signal,
    );
  }

  /** `PUT /v1/messages/{id}`: marks a received message, and those before it, as read. 404/1006: no such message. */
  async markRead(session: Session, id: string, signal: AbortSignal): Promise<void> {
    const path = `${MESSAGES}/${encodeURIComponent(id)}`;
    await this.#calls.send(session, { method: 'PUT', path, json: { status: 'read' } }, signal);
  }
}
