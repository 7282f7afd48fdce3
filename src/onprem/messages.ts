import { z } from 'zod';

export const TEXT_LIMIT = 4096;

/** The body of `POST /v1/messages`, as far as it is served: text. Source: api-messaging reference 2. */
export const sendRequest = z.looseObject({
  to: z.string(),
  type: z.string().default('text'),
  recipient_type: z.string().default('individual'),
  preview_url: z.boolean().optional(),
  text: z.looseObject({ body: z.string() }).optional(),
});
export type SendRequest = z.output<typeof sendRequest>;

export const sendResponse = z.looseObject({ messages: z.array(z.looseObject({ id: z.string() })).min(1) });

/** A WhatsApp id: digits only. Any phone number may be given, with or without + and punctuation. */
export function normaliseRecipient(to: string): string | undefined {
  const digits = to.replace(/[\s()+.-]/g, '');
  return /^[1-9][0-9]{5,14}$/.test(digits) ? digits : undefined;
}

/**
 * Message id of the documented structure: base64url of direction, `0x11`, the phone number in packed BCD,
 * `0x02`, and a random key of 9 (sent) or 10 (received) bytes. Source: api-messaging reference 2.2.
 */
export function messageId(
  direction: 'outbound' | 'inbound',
  waId: string,
  randomBytes: (count: number) => Uint8Array,
): string {
  const odd = waId.length % 2 === 1;
  const phone = Buffer.from(odd ? `${waId}F` : waId, 'hex');
  const key = randomBytes(direction === 'outbound' ? 9 : 10);
  return Buffer.concat([
    Buffer.from([direction === 'outbound' ? 0x80 : 0x00, 0x11, phone.length | (odd ? 0x80 : 0)]),
    phone,
    Buffer.from([0x02, key.length]),
    key,
  ]).toString('base64url');
}
