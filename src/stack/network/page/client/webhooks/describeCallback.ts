import type { CallbackRecord } from '../../../callbackLog.ts';

interface Entry {
  readonly id?: string;
  readonly from?: string;
  readonly type?: string;
  readonly status?: string;
  readonly recipient_id?: string;
  readonly message?: { readonly recipient_id?: string };
  readonly code?: number;
  readonly title?: string;
  readonly text?: { readonly body?: string };
}

export interface CallbackDescription {
  /** `Message`, `Status read`. */
  readonly title: string;
  /** WhatsApp id of the person that it is about. */
  readonly waId?: string | undefined;
  /** Of the message that it is about. */
  readonly messageId?: string | undefined;
  readonly text?: string | undefined;
}

type Told = Pick<CallbackRecord, 'api' | 'body' | 'kind'>;

/** What the webhook of the Graph API tells stands in an envelope. */
function contentOf({ api, body }: Told): Record<string, unknown> | null | undefined {
  if (api === 'v1') return body as Record<string, unknown> | null;
  const { entry } = body as { entry?: { changes?: { value?: Record<string, unknown> }[] }[] };
  return entry?.[0]?.changes?.[0]?.value;
}

const firstOf = (record: Told): Entry => {
  const list = contentOf(record)?.[record.kind];
  const [first] = Array.isArray(list) ? list : [];
  return typeof first === 'object' && first !== null ? (first as Entry) : {};
};

/** What a callback tells, in a few words. */
export function describeCallback(record: Told): CallbackDescription {
  const told = describeContent(record);
  return record.api === 'v1' ? told : { ...told, title: `Cloud: ${told.title}` };
}

function describeContent(record: Told): CallbackDescription {
  const first = firstOf(record);
  switch (record.kind) {
    case 'statuses':
      return {
        title: `Status ${first.status}`,
        waId: first.recipient_id ?? first.message?.recipient_id,
        messageId: first.id,
      };
    case 'messages':
      return {
        title: first.type === 'system' ? 'System message' : `Message: ${first.type}`,
        waId: first.from,
        messageId: first.id,
        text: typeof first.text?.body === 'string' ? first.text.body : undefined,
      };
    case 'errors':
      return { title: `Error ${first.code}`, text: first.title };
    case 'media_items':
      return { title: `Media: ${first.type}` };
    case 'services':
      return { title: 'Result of a collection' };
    default:
      return { title: 'Callback' };
  }
}
