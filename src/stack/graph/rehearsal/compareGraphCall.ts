import { COUNTERPARTS, MESSAGES } from '../../../cloud/counterparts.ts';
import { normaliseRecipient } from '../../../onprem/messages.ts';
import type { Difference, RehearsalEvent, Side } from '../../network/rehearsalRecord.ts';
import type { RequestRecord } from '../../network/requestLog.ts';
import type { GraphNumbers } from '../graphNumbers.ts';
import { differences } from './differences.ts';
import { hintsOf, judged } from './envelope.ts';
import { type Unit, UPLOADED } from './translateCall.ts';

type Called = Pick<RequestRecord, 'method' | 'path' | 'status' | 'body' | 'answer' | 'errors'>;
type Ids = Pick<GraphNumbers, 'byPhoneNumberId' | 'ofAccount'>;
type Fields = Readonly<Record<string, unknown>>;

/** A call of `/v1` that was seen, and what it becomes. */
export type Translated = Pick<RehearsalEvent, 'v1' | 'graph'>;

/** Where calls of media go once the URL is known. */
const MEDIA_URL = '/whatsapp_business/attachments';

/** Calls of `/v1` by the call of the Cloud API that takes their place. */
const V1_CALLS = new Map<string, string[]>();
for (const [v1, { calls }] of Object.entries(COUNTERPARTS))
  for (const { line } of calls) {
    const [plain = ''] = line.split('?');
    V1_CALLS.set(plain, [...(V1_CALLS.get(plain) ?? []), v1]);
  }

/** The call as COUNTERPARTS names it: `POST /{phone number id}/messages`. */
function graphLine({ method, path }: Pick<Called, 'method' | 'path'>, ids: Ids): string {
  const [plain = ''] = path.split('?');
  if (plain.startsWith(MEDIA_URL)) return `${method} <url of the media>`;
  const [, object = '', ...rest] = plain.replace(/^\//, '').split('/');
  const name =
    ids.byPhoneNumberId(object) !== undefined
      ? 'phone number id'
      : ids.ofAccount(object).length > 0
        ? 'business account id'
        : object.startsWith('upload:')
          ? 'upload id'
          : rest[0] === 'uploads'
            ? 'app id'
            : 'media id';
  return [`${method} /{${name}}`, ...rest].join('/');
}

/** A call of the new client: what is wrong with it, and how it differs from what a call of `/v1` to the same person becomes. */
export function compareGraphCall(
  called: Called,
  seen: readonly Translated[],
  ids: Ids,
): Unit & Pick<RehearsalEvent, 'v1' | 'graph' | 'expected'> {
  const line = graphLine(called, ids);
  const problems = called.errors.map(({ code, title, details }) => `${code}: ${details ?? title}`);
  const match = line === MESSAGES.line ? bestMatch(called.body, seen) : undefined;
  const found = match?.differences ?? [];
  const hints = hintsOf('graph-call', found);
  const isRefused = called.status === 0 || called.status >= 400;
  const isSame = !isRefused && found.every(({ isEnvelope }) => isEnvelope);
  const { type, status } = (called.body ?? {}) as Fields;
  const about = line !== MESSAGES.line ? '' : typeof status === 'string' ? ' read' : ` ${knownType(type)}`;
  return {
    name: line + about,
    verdict: isSame ? 'ready' : 'differs',
    ...(match ? { v1: match.v1, expected: match.expected } : {}),
    graph: [{ line, status: called.status, body: called.body, answer: called.answer }],
    differences: found,
    problems,
    remedies: [
      ...hints,
      ...(isRefused ? ['Mend what the Cloud API refuses.'] : []),
      placeOf(line, status === 'read'),
    ],
  };
}

/** A type is a word: text of a stranger must not become a name without end. */
const knownType = (type: unknown): string =>
  type === undefined
    ? 'text'
    : typeof type === 'string' && /^[a-z_]{1,32}$/.test(type)
      ? type
      : '(not valid)';

/** `isRead`: one line sends messages and marks them as read. */
const placeOf = (line: string, isRead: boolean): string => {
  const v1 = V1_CALLS.get(line)?.filter(
    (each) => line !== MESSAGES.line || each.startsWith('PUT ') === isRead,
  );
  return v1 ? `Takes the place of ${v1.join(', ')}.` : 'No call of /v1 is known that it takes the place of.';
};

/** The call to the same person with content of the same type that differs least; the newest of those. */
function bestMatch(body: unknown, seen: readonly Translated[]) {
  const matches = seen.flatMap(({ v1, graph }) => {
    const expected = graph.at(-1);
    if (!v1 || expected?.line !== MESSAGES.line || keyOf(expected.body) !== keyOf(body)) return [];
    return [{ v1, expected, differences: compared(expected, body) }];
  });
  return matches
    .reverse()
    .reduce<(typeof matches)[number] | undefined>(
      (best, each) => (best && best.differences.length <= each.differences.length ? best : each),
      undefined,
    );
}

function keyOf(body: unknown): string {
  const { to, recipient, type = 'text', status } = (body ?? {}) as Fields;
  const person = typeof to === 'string' ? normaliseRecipient(to) : recipient;
  return JSON.stringify([person, status === undefined ? type : status]);
}

function compared({ body: expected }: Side, body: unknown): Difference[] {
  // What comes back on statuses is free to choose, and the kind of recipient is the usual one where it is left out.
  const { biz_opaque_callback_data: _, ...actual }: Fields = {
    recipient_type: 'individual',
    ...(body as Fields),
  };
  const found = differences(expected, actual);
  const uploads = found.flatMap(({ fromValue, from = '' }) =>
    fromValue === UPLOADED ? from.slice(0, -'id'.length) : [],
  );
  // Any upload will do, and so will a link.
  const isUpload = ({ from = '', to = '' }: (typeof found)[number]) =>
    uploads.some((media) => from === `${media}id` || to === `${media}id` || to === `${media}link`);
  return judged(
    found.filter((each) => !isUpload(each)),
    'body',
  ).map((each) => ({ ...each, isEnvelope: false }));
}
