import * as z from 'zod';
import { contents, type MessageType, normaliseRecipient } from '../../onprem/messages.ts';
import { paramsOf } from '../../onprem/refusalIssue.ts';
import { USER_ID } from '../network/userId.ts';
import { cloudCode } from './cloudCodes.ts';
import { GraphFailure } from './graphFailure.ts';

/** `POST /{PNID}/messages`. Source: docs/onprem/cloud-migration.md §3, §17.3, §17.5. */

const LONGEST_OPAQUE = 512;
/** `hsm` is of the On-Premises product alone. */
const TYPES = (Object.keys(contents) as MessageType[]).filter((type) => type !== 'hsm');
/** Types of interactive messages that only the Cloud API has: what is in them is not checked. */
const OWN_INTERACTIVE: ReadonlySet<string> = new Set([
  'cta_url',
  'carousel',
  'contact_request',
  'voice_call',
]);

const shape = z.looseObject({
  messaging_product: z.literal('whatsapp'),
  recipient_type: z.literal('individual').default('individual'),
  to: z.string().optional(),
  recipient: z.string().optional(),
  type: z.string().default('text'),
  context: z.looseObject({ message_id: z.string().min(1) }).optional(),
  biz_opaque_callback_data: z.string().max(LONGEST_OPAQUE).optional(),
  recipient_identity_key_hash: z.string().optional(),
});

const readMark = z.looseObject({
  messaging_product: z.literal('whatsapp'),
  status: z.literal('read'),
  message_id: z.string().min(1),
  typing_indicator: z.looseObject({ type: z.literal('text') }).optional(),
});

export interface SentMessage {
  readonly kind: 'message';
  /** As the call writes it. */
  readonly input: string;
  readonly to: { readonly digits: string } | { readonly userId: string };
  readonly type: Exclude<MessageType, 'hsm'>;
  readonly content: Readonly<Record<string, unknown>>;
  readonly quotedWamid: string | undefined;
  readonly opaque: string | undefined;
  readonly identityHash: string | undefined;
}
export interface ReadMark {
  readonly kind: 'read';
  readonly wamid: string;
  readonly isTyping: boolean;
}

/** @throws GraphFailure that names the parameter */
export function parseMessage(body: unknown): SentMessage | ReadMark {
  if ((body as { status?: unknown } | null)?.status !== undefined) {
    const { message_id, typing_indicator } = parsed(readMark, body);
    return { kind: 'read', wamid: message_id, isTyping: typing_indicator !== undefined };
  }
  const message = parsed(shape, body);
  const type = TYPES.find((known) => known === message.type) as SentMessage['type'] | undefined;
  if (!type)
    throw new GraphFailure(100, `Param type must be one of {${TYPES.join(', ')}} - got "${message.type}".`);
  const content = message[type];
  if (content === undefined || content === null)
    throw new GraphFailure(131008, `Parameter '${type}' is mandatory for type '${type}'`);
  checkContent(type, content);
  const { input, to } = recipientOf(message);
  return {
    kind: 'message',
    input,
    to,
    type,
    content: content as Readonly<Record<string, unknown>>,
    quotedWamid: message.context?.message_id,
    opaque: message.biz_opaque_callback_data,
    identityHash: message.recipient_identity_key_hash,
  };
}

function recipientOf({ to, recipient }: z.output<typeof shape>): Pick<SentMessage, 'input' | 'to'> {
  if (to !== undefined) {
    const digits = normaliseRecipient(to);
    if (digits === undefined) throw new GraphFailure(131009, `to: ${to} is no phone number`);
    return { input: to, to: { digits } };
  }
  if (recipient === undefined) throw new GraphFailure(100, 'The parameter to is required.');
  if (!USER_ID.test(recipient))
    throw new GraphFailure(131009, `recipient: ${recipient} is no business-scoped user id`);
  return { input: recipient, to: { userId: recipient } };
}

/** The shapes of both products are the same but for these fields. Source: docs/onprem/cloud-migration.md §3. */
function checkContent(type: SentMessage['type'], content: unknown): void {
  if (type === 'interactive' && OWN_INTERACTIVE.has(String((content as { type?: unknown }).type))) return;
  const checked = asOnPremises(type, content);
  const result = contents[type].safeParse(checked);
  const [issue] = result.error?.issues ?? [];
  if (!issue) return;
  const { apiCode } = paramsOf(issue);
  const path = [type, ...issue.path].join('.');
  const isMissing =
    apiCode === undefined && issue.code === 'invalid_type' && valueIn(checked, issue.path) === undefined;
  const code = isMissing ? 131008 : cloudCode(apiCode ?? 1009);
  throw new GraphFailure(code, `${path}: ${issue.message}`);
}

function asOnPremises(type: SentMessage['type'], content: unknown): unknown {
  if (typeof content !== 'object' || content === null) return content;
  if (type === 'audio') {
    const { voice: _, ...rest } = content as Record<string, unknown>;
    return rest;
  }
  if (type !== 'template') return content;
  const { language, ...rest } = content as { language?: object };
  return { ...rest, namespace: 'none', language: language && { policy: 'deterministic', ...language } };
}

const valueIn = (value: unknown, path: readonly PropertyKey[]): unknown =>
  path.reduce<unknown>((inner, key) => (inner as Record<PropertyKey, unknown> | undefined)?.[key], value);

/** @throws GraphFailure that names the first parameter that is wrong */
export function parsed<S extends z.ZodType>(wanted: S, body: unknown): z.output<S> {
  const result = wanted.safeParse(body ?? {});
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const path = (issue?.path ?? []).join('.');
  const isMissing = valueIn(body ?? {}, issue?.path ?? []) === undefined;
  throw new GraphFailure(
    100,
    isMissing ? `The parameter ${path} is required.` : `Param ${path}: ${issue?.message}`,
  );
}
