import * as z from 'zod';
import type { ApiErrorBody } from '../../onprem/envelope.ts';
import { type AsynchronousErrorCode, asynchronousErrors } from '../../onprem/errorCatalogue.ts';
import { isTemplate } from '../../onprem/templateMessage.ts';
import { DEFAULT_BEHAVIOUR } from './defaultBehaviour.ts';
import { failureCode } from './failureCode.ts';
import type { SentByGraph } from './graphState.ts';

/** How a simulated person receives messages. By default they receive messages at once and read them soon. */
export const behaviour = z.strictObject({
  /** Whether they use WhatsApp; if not, messages fail with 1013. */
  hasWhatsApp: z.boolean(),
  /** They blocked the business: messages get the status sent, but never delivered. */
  blocks: z.boolean(),
  /** Delay of the delivery: the phone is switched off so long. */
  deliverAfterMs: z.number().int().min(0).max(86_400_000),
  /** Delay of reading after the delivery; null: the business gets no read receipt. */
  readAfterMs: z.number().int().min(0).max(86_400_000).nullable(),
  /** Delay after the delivery until they delete the message; null: never. */
  deleteAfterMs: z.number().int().min(0).max(86_400_000).nullable(),
  /** Every message fails with this code. */
  failsWith: failureCode.nullable(),
  /** They opted out: templates that begin a conversation fail. */
  optedOut: z.boolean(),
  /** They have an old app, which shows neither templates nor interactive messages (1026). */
  oldApp: z.boolean(),
});
export type Behaviour = z.output<typeof behaviour>;

/** After 24 hours without a message from a person, only templates reach them (470). */
export const SESSION_WINDOW_MS = 24 * 3_600_000;

/** Not found in any source: the code with which a message to a person who opted out fails. */
const OPTED_OUT = 471;

/** Of them, only the Graph API has `sent`, which a Coreapp tells by itself, and `played`. */
export type Stage = 'warning' | 'sent' | 'delivered' | 'read' | 'played' | 'failed' | 'deleted';
export interface Step {
  readonly afterMs: number;
  readonly stage: Stage;
  readonly error?: ApiErrorBody;
}

export interface Delivery {
  readonly type: string;
  readonly behaviour: Behaviour;
  /** Time since the person last wrote to this number; infinite if they never did. */
  readonly silentMs: number;
  /** Days until an undelivered template fails. */
  readonly ttlDays?: number | undefined;
  /** The message is delivered with a part missing. */
  readonly warning?: { readonly code: AsynchronousErrorCode; readonly details: string } | undefined;
}

/** The stages of a message and when each happens. Without steps the message stays undelivered. */
export function courseOf(delivery: Delivery): Step[] {
  const { type, behaviour: person, silentMs, ttlDays, warning } = delivery;
  const failure = failureOf(type, person, silentMs);
  if (failure !== undefined)
    return [{ afterMs: DEFAULT_BEHAVIOUR.deliverAfterMs, stage: 'failed', error: failure }];
  const ttlMs = ttlDays === undefined ? undefined : ttlDays * 86_400_000;
  const isLate = person.blocks || (ttlMs !== undefined && person.deliverAfterMs > ttlMs);
  if (isLate) return ttlMs === undefined ? [] : [{ afterMs: ttlMs, stage: 'failed', error: errorOf(410) }];
  const deliveredMs = person.deliverAfterMs;
  const steps: Step[] = [{ afterMs: deliveredMs, stage: 'delivered' }];
  if (warning) {
    const { code, details } = warning;
    steps.unshift({ afterMs: 0, stage: 'warning', error: { ...errorOf(code), details } });
  }
  if (person.readAfterMs !== null) steps.push({ afterMs: deliveredMs + person.readAfterMs, stage: 'read' });
  if (person.deleteAfterMs !== null)
    steps.push({ afterMs: deliveredMs + person.deleteAfterMs, stage: 'deleted' });
  return steps.sort((a, b) => a.afterMs - b.afterMs);
}

/** A voice note is played so long after it was read. */
const PLAYED_AFTER_MS = 100;

/** The stages of a message of the Graph API: it tells neither warnings nor deletions, and plays of voice notes. */
export function graphCourseOf(delivery: Delivery, { failure, isVoice }: SentByGraph): Step[] {
  const sent: Step = { afterMs: 0, stage: 'sent' };
  // Not found in any source: whether a message that fails for its window or its recipient is told as sent before.
  if (failure) return [{ afterMs: DEFAULT_BEHAVIOUR.deliverAfterMs, stage: 'failed', error: { ...failure } }];
  const steps = courseOf(delivery).filter(({ stage }) => stage !== 'warning' && stage !== 'deleted');
  if (steps[0]?.stage === 'failed') return steps;
  const read = steps.find(({ stage }) => stage === 'read');
  const played: Step[] =
    isVoice && read ? [{ afterMs: read.afterMs + PLAYED_AFTER_MS, stage: 'played' }] : [];
  return [sent, ...steps, ...played];
}

function failureOf(type: string, person: Behaviour, silentMs: number): ApiErrorBody | undefined {
  if (person.failsWith !== null) return errorOf(person.failsWith);
  if (!person.hasWhatsApp) return errorOf(1013);
  if (person.optedOut && isTemplate(type) && silentMs > SESSION_WINDOW_MS) return errorOf(OPTED_OUT);
  if (!isTemplate(type) && silentMs > SESSION_WINDOW_MS) return errorOf(470);
  if (person.oldApp && (isTemplate(type) || type === 'interactive')) return errorOf(1026);
  return undefined;
}

const errorOf = (code: AsynchronousErrorCode): ApiErrorBody => ({
  code,
  title: asynchronousErrors[code],
  href: 'https://developers.facebook.com/docs/whatsapp/api/errors/',
});
