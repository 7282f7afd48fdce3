import { createHash } from 'node:crypto';
import { isTemplate } from '../../onprem/templateMessage.ts';
import type { Billing, NetworkEvent } from '../wire/networkProtocol.ts';
import { SESSION_WINDOW_MS } from './behaviour.ts';

/** What a message costs, as the statuses of the conversation tell it. */
export interface Bill {
  /** Of the status `sent`, which alone tells when the conversation expires. */
  readonly sent: Billing;
  readonly later: NonNullable<Extract<NetworkEvent['body'], { kind: 'status' }>['billing']>;
}

interface Billed {
  readonly number: string;
  readonly to: string;
  readonly type: string;
  /** When the person wrote, if the customer-care window is open; epoch ms. */
  readonly openSince: number | undefined;
  readonly nowMs: number;
}

const REMEMBERED_CONVERSATIONS = 10_000;

/** What messages cost, made once for each conversation: every status of every message tells it. */
export class Bills {
  readonly #known = new Map<string, Bill>();

  /** Messages of 24 hours are one conversation; one that the business begins has another price. */
  of({ number, to, type, openSince, nowMs }: Billed): Bill {
    const category = openSince !== undefined || !isTemplate(type) ? 'service' : 'utility';
    const begun = openSince ?? Math.floor(nowMs / SESSION_WINDOW_MS) * SESSION_WINDOW_MS;
    const conversation = `${number}/${to}/${category}/${begun}`;
    const known = this.#known.get(conversation);
    if (known) return known;
    const bill = billOf(conversation, category, begun);
    if (this.#known.size >= REMEMBERED_CONVERSATIONS) this.#known.clear();
    this.#known.set(conversation, bill);
    return bill;
  }
}

function billOf(conversation: string, category: Billing['pricing']['category'], begun: number): Bill {
  const id = createHash('sha256').update(conversation).digest('hex').slice(0, 32);
  const expires = Math.floor((begun + SESSION_WINDOW_MS) / 1000);
  const origin = { type: category };
  const pricing = { pricing_model: 'CBP', billable: true, category } as const;
  return {
    sent: { conversation: { id, expiration_timestamp: expires, origin }, pricing },
    later: { conversation: { id, origin }, pricing },
  };
}
