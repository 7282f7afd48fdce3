import type * as z from 'zod';
import {
  type contactsRequest,
  contactsResponse,
  type Identity,
  identityResponse,
} from '../../onprem/contacts.ts';
import type { Calls, Session } from '../calls.ts';

const CONTACTS = '/v1/contacts';
const identityPath = (waId: string): string => `${CONTACTS}/${encodeURIComponent(waId)}/identity`;

export type ContactVerdict = z.output<typeof contactsResponse>['contacts'][number];

/** Node Contacts. Source: docs/onprem/api-messaging.md §4. */
export class Contacts {
  readonly #calls: Calls;

  constructor(calls: Calls) {
    this.#calls = calls;
  }

  /** `POST /v1/contacts`: WhatsApp ids of phone numbers, in the order of the question. */
  async check(
    session: Session,
    request: z.input<typeof contactsRequest>,
    signal: AbortSignal,
  ): Promise<ContactVerdict[]> {
    const call = { method: 'POST', path: CONTACTS, json: request } as const;
    return (await this.#calls.json(contactsResponse, session, call, signal)).contacts;
  }

  /** `GET /v1/contacts/{wa_id}/identity`: hash, when it was seen (epoch ms), whether it is acknowledged. */
  async identity(session: Session, waId: string, signal: AbortSignal): Promise<Identity> {
    const call = { method: 'GET', path: identityPath(waId) } as const;
    return (await this.#calls.json(identityResponse, session, call, signal)).contacts;
  }

  /** `PUT /v1/contacts/{wa_id}/identity`: only then messages go to somebody whose keys changed (1028 before). */
  async acknowledgeIdentity(
    session: Session,
    waId: string,
    hash: string,
    signal: AbortSignal,
  ): Promise<void> {
    await this.#calls.send(session, { method: 'PUT', path: identityPath(waId), json: { hash } }, signal);
  }
}
