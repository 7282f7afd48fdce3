import type { Difference, RehearsalEvent } from '../../network/rehearsalRecord.ts';
import type { Found } from './differences.ts';

/**
 * What differs in every call and webhook in the same way, so that one place of a client mends it: the marks of the product, the
 * form of ids and numbers, and what only the Cloud API tells. Source: docs/onprem/cloud-migration.md §3, §4, §8, §17.5.
 */
const ADDED: Readonly<Record<Difference['part'], readonly RegExp[]>> = {
  body: [
    /^messaging_product$/,
    /^recipient_type$/,
    // Both APIs take a message without it for a text.
    /^type$/,
    /^object$/,
    /^entry\[\]\.(id|changes\[\]\.(field|value\.(messaging_product|metadata\..*)))$/,
    /\.(from_user_id|user_id|recipient_user_id)$/,
    // Of a person without a name it is the number.
    /\.contacts\[\]\.profile\.name$/,
  ],
  answer: [/^messaging_product$/, /^contacts\[\]\.(input|wa_id)$/, /^messages\[\]\.message_status$/],
};
const REMOVED: Readonly<Record<Difference['part'], readonly RegExp[]>> = {
  body: [],
  answer: [/^meta(\.|$)/],
};
/** Ids of messages, which have another form. */
const MESSAGE_ID =
  /(^|\.)(messages|statuses)\[\]\.id$|(^|\.)(context\.(id|message_id)|reaction\.message_id)$/;

function isEnvelope(
  { change, from = '', to = '', fromValue, toValue }: Found,
  part: Difference['part'],
): boolean {
  if (change === 'added') return ADDED[part].some((path) => path.test(to));
  if (change === 'removed') return REMOVED[part].some((path) => path.test(from));
  if (change === 'moved') return to === `${VALUE}${from}`;
  if (from === 'to' || from === 'contacts[].input')
    return toValue === `+${String(fromValue).replace(/\D/g, '')}`;
  return MESSAGE_ID.test(to);
}

/** Where a webhook holds what a callback of `/v1` has on top. */
export const VALUE = 'entry[].changes[].value.';

/** With what is known of each difference. */
export const judged = (found: readonly Found[], part: Difference['part']): Difference[] =>
  found.map((each) => ({ part, ...each, isEnvelope: isEnvelope(each, part) }));

interface Hint {
  readonly of: RehearsalEvent['kind'];
  readonly path: RegExp;
  readonly text: string;
}

/** What to do about a difference. Source: docs/onprem/cloud-migration.md §3, §6, §9, §17.4. */
const HINTS: readonly Hint[] = [
  {
    of: 'call',
    path: /^preview_url$/,
    text: 'Move preview_url into text.',
  },
  {
    of: 'call',
    path: /^template\.namespace$/,
    text: 'Leave namespace out: templates are found by name and language.',
  },
  {
    of: 'call',
    path: /^template\.language\.policy$/,
    text: 'policy may be left out: a template has one language.',
  },
  {
    of: 'call',
    path: /\.provider\.|\.provider$/,
    text: 'There are no media providers: download the file with your credentials, upload it, and send its id.',
  },
  {
    of: 'call',
    path: /\.link$/,
    text: 'A link works as well if everybody can reach it; otherwise upload the file and send its id.',
  },
  {
    of: 'call',
    path: /\.(image|video|document|audio|sticker)\.id$|^(image|video|document|audio|sticker)\.id$/,
    text: 'Upload the file to the Cloud API, and send the id of that upload: ids of /v1 are unknown there.',
  },
  { of: 'call', path: /^ttl$/, text: 'Set message_send_ttl_seconds of the template instead of ttl.' },
  {
    of: 'call',
    path: /^hsm\./,
    text: 'Send a template: element_name becomes name, and localizable_params become parameters of its body.',
  },
  {
    of: 'callback',
    path: /\.(image|video|document|audio|voice|sticker)\.id$/,
    text: 'Download media in two steps, within 7 days: GET /{media id}, then the URL that it tells, with the access token.',
  },
  { of: 'callback', path: /\.sha256$/, text: 'sha256 is base64, not hex.' },
  {
    of: 'callback',
    path: /\.(file|status)$/,
    text: 'Media is never on a disk of yours: file and its state are not told.',
  },
  {
    of: 'callback',
    path: /^messages\[\]\.voice\./,
    text: 'A voice note is a message of type audio with audio.voice true.',
  },
  {
    of: 'callback',
    path: /^statuses\[\]\.(type|message\.recipient_id)$/,
    text: 'Read recipient_id: message.recipient_id and type are not told.',
  },
  {
    of: 'callback',
    path: /^statuses\[\]\.conversation\./,
    text: 'Do not count by conversation: it is not told any more, and each message has its own price.',
  },
  {
    of: 'callback',
    path: /^statuses\[\]\.pricing\./,
    text: 'Prices are of messages (PMP), with a type such as free_customer_service.',
  },
  {
    of: 'callback',
    path: /^statuses\[\]\.errors\[\]\.code$/,
    text: 'Compare with the codes of the Cloud API, and read error_data.details.',
  },
  {
    of: 'callback',
    path: /\.new_wa_id$/,
    text: 'Read system.wa_id in place of system.new_wa_id.',
  },
  {
    of: 'graph-call',
    path: /^to$/,
    text: 'Write a + before the number: without it the country code of the business may be put in front.',
  },
];

/** What to do about differences, each once. */
export const hintsOf = (kind: RehearsalEvent['kind'], found: readonly Difference[]): string[] => [
  ...new Set(
    found
      .filter(({ isEnvelope: isAround, part }) => !isAround && part === 'body')
      .flatMap(({ from, to }) =>
        HINTS.filter(({ of, path }) => of === kind && path.test(from ?? to ?? '')).map(({ text }) => text),
      ),
  ),
];
