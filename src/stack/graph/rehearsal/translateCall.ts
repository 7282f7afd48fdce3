import { COUNTERPARTS, type Counterpart, PRODUCT, UPLOAD } from '../../../cloud/counterparts.ts';
import { graphMessage } from '../../../cloud/graphMessage.ts';
import { graphFieldsOf } from '../../../cloud/graphProfile.ts';
import { mediaReferences, messageBody, normaliseRecipient, sendRequest } from '../../../onprem/messages.ts';
import { withoutNulls } from '../../../onprem/withoutNulls.ts';
import type { Difference, Side, Verdict } from '../../network/rehearsalRecord.ts';
import type { RequestRecord } from '../../network/requestLog.ts';
import { cloudCode } from '../cloudCodes.ts';
import { GraphFailure } from '../graphFailure.ts';
import { parseMessage } from '../graphMessageShape.ts';
import { sentAnswer } from '../sendGraphMessage.ts';
import { wamidOf } from '../webhookValues.ts';
import { differences } from './differences.ts';
import { hintsOf, judged } from './envelope.ts';

/** What an event is counted as, and what is known of it. A callback has one for each thing that it tells. */
export interface Unit {
  readonly name: string;
  readonly verdict: Verdict;
  readonly differences: readonly Difference[];
  readonly problems: readonly string[];
  readonly remedies: readonly string[];
}

/** Stands in a message for media that has to be uploaded first. */
export const UPLOADED = '<id of the upload>';

type Body = Readonly<Record<string, unknown>>;
type Called = Pick<RequestRecord, 'method' | 'path' | 'status' | 'body' | 'answer' | 'errors'>;

interface Known {
  /** As in COUNTERPARTS. */
  readonly line: string;
  readonly counterpart: Counterpart;
  /** What stands in the path at the first name. */
  readonly named: string;
}

const PATTERNS = Object.entries(COUNTERPARTS).map(([line, counterpart]) => ({
  line,
  counterpart,
  pattern: new RegExp(`^${line.replace(/[.]/g, '\\.').replace(/\{\w+\}/g, '([^/]+)')}$`),
}));

function knownCall({ method, path }: Pick<Called, 'method' | 'path'>): Known | undefined {
  const [plain = ''] = path.split('?');
  const asked = `${method} ${plain.replace(/\/+/g, '/')}`;
  for (const { line, counterpart, pattern } of PATTERNS) {
    const match = pattern.exec(asked);
    if (match) return { line, counterpart, named: match[1] ?? '' };
  }
  return undefined;
}

/** What a call of `/v1` becomes; undefined for one that `/v1` does not have. */
export function translateCall(called: Called): (Unit & { readonly graph: readonly Side[] }) | undefined {
  const known = knownCall(called);
  if (!known) return undefined;
  if (known.line === 'POST /v1/messages') return translateMessage(called, known);
  const { line, counterpart, named } = known;
  const body = BODIES[line]?.(named, (called.body ?? {}) as Body);
  const isTold = body !== 'none' && counterpart.calls.length > 0;
  const graph: Side[] = isTold
    ? counterpart.calls.map((call) => ({ ...call, ...(body === undefined ? {} : { body }) }))
    : [];
  const found = isTold && body !== undefined ? judged(differences(called.body ?? {}, body), 'body') : [];
  const isSame = body !== undefined && found.every(({ isEnvelope }) => isEnvelope);
  return {
    name: line,
    verdict: !isTold ? 'no-counterpart' : isSame ? 'ready' : 'differs',
    graph: withAnswer(graph, called, line === 'PUT /v1/messages/{id}' ? { success: true } : undefined),
    differences: found,
    problems: [],
    remedies: [counterpart.remedy],
  };
}

/** Bodies that follow from those of `/v1`, by call; `none`: there is no counterpart of what this body sets. */
const BODIES: Readonly<Record<string, (named: string, body: Body) => Body | 'none' | undefined>> = {
  'PUT /v1/messages/{id}': (id, body) => ({ ...PRODUCT, ...body, message_id: wamidOf(id) }),
  'PATCH /v1/settings/profile/about': (_, { text }) => ({ ...PRODUCT, about: text }),
  'POST /v1/settings/business/profile': (_, body) => ({ ...PRODUCT, ...graphFieldsOf(body) }),
  'PATCH /v1/settings/application': (_, { webhooks }) => {
    const { url } = (webhooks ?? {}) as { url?: unknown };
    return typeof url === 'string' && url !== ''
      ? { override_callback_uri: url, verify_token: '<a text of yours>' }
      : 'none';
  },
};

function translateMessage(called: Called, { line, counterpart }: Known) {
  const given = withoutNulls(called.body);
  const parsed = sendRequest.safeParse(given);
  if (!parsed.success)
    return {
      name: `${line} (not valid)`,
      verdict: 'differs' as const,
      graph: [],
      differences: [],
      problems: called.errors.map(({ code, details, title }) => `/v1 ${code}: ${details ?? title}`),
      remedies:
        typeof called.body === 'string'
          ? ['The log holds only the beginning of this body: send a shorter message to compare it.']
          : ['Mend the call first: /v1 refuses it too.'],
    };
  const { data } = parsed;
  const stored = messageBody(data);
  const media = mediaReferences(stored);
  const { biz_opaque_callback_data: _, ...body } = graphMessage(
    // The gateway puts its own id in; a client may put what it likes there.
    { id: '', to: normaliseRecipient(data.to ?? '') ?? '', type: data.type, body: stored },
    { media: media.map(() => UPLOADED) },
  );
  const problems = problemsOf(body);
  const answer = answerOf(called, data);
  const found = [
    ...judged(differences(given, body), 'body'),
    ...(answer ? judged(differences(called.answer, answer), 'answer') : []),
  ];
  const isSame = problems.length === 0 && found.every(({ isEnvelope }) => isEnvelope);
  const hints = hintsOf('call', found);
  const [message] = counterpart.calls;
  return {
    name: `${line} ${typeOf(data)}`,
    verdict: isSame ? ('ready' as const) : ('differs' as const),
    graph: [...media.map(() => UPLOAD), ...withAnswer([{ line: message?.line ?? '', body }], called, answer)],
    differences: found,
    problems,
    remedies: hints.length > 0 ? hints : [counterpart.remedy],
  };
}

const typeOf = ({ type, ...content }: { readonly type: string; readonly [name: string]: unknown }): string =>
  type === 'interactive' ? `interactive ${(content.interactive as { type: string }).type}` : type;

/** What the Cloud API would refuse of a message. */
function problemsOf(body: Body): string[] {
  try {
    parseMessage(body);
    return [];
  } catch (error) {
    if (error instanceof GraphFailure) return [`${error.code}: ${error.message}`];
    throw error;
  }
}

function answerOf(
  { answer, status, errors }: Called,
  sent: { type: string; to?: string | undefined; recipient?: string | undefined },
) {
  const [error] = errors;
  if (error) return new GraphFailure(cloudCode(error.code), error.details ?? error.title).body();
  if (status === 0 || status >= 300) return undefined;
  const id = (answer as { messages?: readonly { id?: unknown }[] } | undefined)?.messages?.[0]?.id;
  if (typeof id !== 'string') return undefined;
  const { to, recipient = '' } = sent;
  const digits = normaliseRecipient(to ?? '');
  return sentAnswer(
    id,
    sent.type,
    digits === undefined ? { input: recipient, user_id: recipient } : { input: `+${digits}`, wa_id: digits },
  );
}

/** The last call with what the Cloud API answers, if that is known. */
const withAnswer = (graph: readonly Side[], { status }: Called, answer: unknown): Side[] =>
  graph.map((side, index) =>
    answer === undefined || status === 0 || index < graph.length - 1 ? { ...side } : { ...side, answer },
  );
