import { type MediaKind, mediaKindOf } from '../onprem/messageContent.ts';
import { userIdOf } from '../onprem/userId.ts';
import { cloudId } from './messageIds.ts';

/** Messages of `POST /v1/messages` as the Cloud API takes them. Source: docs/onprem/cloud-migration.md §3, §17.3. */

/** A message as the stack stores it. */
export interface MessageToSend {
  readonly id: string;
  /** Digits. */
  readonly to: string;
  readonly type: string;
  /** With `recipient`, the business-scoped id of a person, in place of `to`. */
  readonly body: Readonly<Record<string, unknown>>;
}

export interface GraphMessage {
  readonly messaging_product: 'whatsapp';
  readonly recipient_type: 'individual';
  /** One of `to`, a number with its plus sign, and `recipient`, a business-scoped user id. */
  readonly to?: string;
  readonly recipient?: string;
  readonly type: string;
  /** Comes back on each status of the message, so that no table is needed to find it. */
  readonly biz_opaque_callback_data: string;
  readonly [content: string]: unknown;
}

export interface GraphReferences {
  /** Ids of uploaded media, in the order of `mediaReferences`. */
  readonly media: readonly string[];
  /** Cloud ids of messages where they are known better than by conversion. */
  readonly wamids?: (id: string) => string | undefined;
}

/** The body of `POST /{phone number id}/messages`. */
export function graphMessage(
  { id, to, type, body }: MessageToSend,
  { media, wamids = () => undefined }: GraphReferences,
): GraphMessage {
  const { context, preview_url } = body;
  const wamid = (messageId: unknown) =>
    wamids(String(messageId)) ?? cloudId(String(messageId)) ?? String(messageId);
  const uploaded = [...media];
  const content = withUploads(body[type], uploaded, type);
  const { message_id: quotedId } = (context ?? {}) as { message_id?: unknown };
  const userId = userIdOf(body);
  const quoted = quotedId === undefined ? {} : { context: { message_id: wamid(quotedId) } };
  const graph = (graphType: string, object: unknown): GraphMessage => ({
    messaging_product: 'whatsapp',
    recipient_type: 'individual',
    // Without the plus sign Graph may put the country code of the business in front.
    ...(userId === undefined ? { to: `+${to}` } : { recipient: userId }),
    type: graphType,
    biz_opaque_callback_data: id,
    ...quoted,
    [graphType]: object,
  });
  switch (type) {
    case 'text':
      return graph('text', { ...(content as object), ...(preview_url === undefined ? {} : { preview_url }) });
    case 'template':
      return graph('template', withoutNamespace(content as TemplateContent));
    case 'hsm':
      return graph('template', templateOf(content as HsmContent));
    case 'reaction':
      return graph('reaction', {
        ...(content as object),
        message_id: wamid((content as { message_id?: unknown }).message_id),
      });
    default:
      return graph(type, content);
  }
}

interface Language {
  readonly code: string;
}
interface TemplateContent {
  readonly namespace?: unknown;
  readonly name: string;
  readonly language: Language;
  readonly components?: readonly unknown[];
}

/** A template of the Cloud API has no namespace, and one language. */
const withoutNamespace = ({ name, language, components }: TemplateContent) => ({
  name,
  language: { code: language.code },
  ...(components === undefined ? {} : { components }),
});

interface HsmContent {
  readonly element_name: string;
  readonly language?: Language;
  readonly localizable_params?: readonly {
    readonly default: string;
    readonly currency?: { readonly currency_code: string; readonly amount_1000: number };
    readonly date_time?: Readonly<Record<string, unknown>>;
  }[];
}

/** Of a message without a language. */
const DEFAULT_LANGUAGE: Language = { code: 'en' };

function templateOf({
  element_name,
  language = DEFAULT_LANGUAGE,
  localizable_params: params = [],
}: HsmContent) {
  const parameters = params.map(({ default: fallback_value, currency, date_time }) => {
    if (currency)
      return {
        type: 'currency',
        currency: { fallback_value, code: currency.currency_code, amount_1000: currency.amount_1000 },
      };
    if (date_time) return { type: 'date_time', date_time: { fallback_value } };
    return { type: 'text', text: fallback_value };
  });
  return {
    name: element_name,
    language: { code: language.code },
    ...(parameters.length > 0 ? { components: [{ type: 'body', parameters }] } : {}),
  };
}

/** Names each media object by the id of its upload. Takes from `uploads` in the order of `mediaReferences`. */
function withUploads(value: unknown, uploads: string[], key?: string): unknown {
  if (Array.isArray(value)) return value.map((each) => withUploads(each, uploads));
  if (typeof value !== 'object' || value === null) return value;
  const kind: MediaKind | undefined = key === undefined ? undefined : mediaKindOf(key, value);
  if (kind) {
    const { link: _, provider: __, ...rest } = value as Record<string, unknown>;
    return { ...rest, id: uploads.shift() };
  }
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [name, withUploads(inner, uploads, name)]),
  );
}
