import * as z from 'zod';

const number = {
  cc: z.string().regex(/^[0-9]{1,3}$/),
  phone_number: z.string().regex(/^[0-9]{4,14}$/),
};
const pin = z.string().regex(/^[0-9]{6}$/, 'must be six digits');

export const codeRequest = z.object({
  ...number,
  method: z
    .string()
    .transform((method) => method.toLowerCase())
    .pipe(z.enum(['sms', 'voice'])),
  cert: z.string().min(1),
  pin: pin.optional(),
});
export type CodeRequest = z.output<typeof codeRequest>;

/** 202: the code was sent. (201, without payload: this installation is already registered.) */
export const codeRequested = z.looseObject({ account: z.array(z.looseObject({ vname: z.string() })).min(1) });

/** `123456`; the dashed form `123-456` is accepted too. */
export const verifyRequest = z.object({
  code: z
    .string()
    .regex(/^[0-9]{3}-?[0-9]{3}$/)
    .transform((code) => code.replace('-', '')),
});

/**
 * A shard change more than this many days after the registration disconnects the number.
 * Source: docs/onprem/api-admin.md §5.2.
 */
export const SHARD_CHANGE_DAYS = 7;
/** The possible shard counts. */
export const SHARD_COUNTS = [1, 2, 4, 8, 16, 32] as const;
/** `POST /v1/account/shards`; whether the certificate is required depends on the version of the client. */
export const shardsRequest = z.object({
  ...number,
  shards: z.coerce
    .number()
    .refine((count) => SHARD_COUNTS.some((known) => known === count), 'must be 1, 2, 4, 8, 16 or 32'),
  pin: pin.optional(),
  cert: z.string().min(1).optional(),
});
export type ShardsRequest = z.input<typeof shardsRequest>;
/** `POST /v1/settings/account/two-step`. */
export const twoStepRequest = z.object({ pin });

/** `hash(recipient) % shards`. The real hash is not documented; FNV-1a is used. */
export function shardOf(recipient: string, shards: number): number {
  let value = 0x811c9dc5;
  for (const character of recipient) value = Math.imul(value ^ character.charCodeAt(0), 0x01000193) >>> 0;
  return shards === 0 ? 0 : value % shards;
}

export const shardsResponse = z.looseObject({ account: z.looseObject({ shards: z.int() }) });

/** The wait that a refusal of `POST /v1/account` states only in prose. */
export function waitFromDetails(details: string | undefined): number | undefined {
  const match = /wait\s+(?:(\d+)\s+hour\(s\)\s*)?(?:(\d+)\s+minute\(s\))?/i.exec(details ?? '');
  if (!match?.[1] && !match?.[2]) return undefined;
  return (Number(match[1] ?? 0) * 60 + Number(match[2] ?? 0)) * 60_000;
}

export const waitDetails = (waitMs: number): string => {
  const minutes = Math.max(1, Math.ceil(waitMs / 60_000));
  return `Please wait ${Math.floor(minutes / 60)} hour(s) ${minutes % 60} minute(s) before trying again`;
};

/**
 * Country calling codes, longest first, to split numbers by. The API takes `cc` and `phone_number` apart, and only the
 * list of codes (ITU-T E.164) tells where the code ends.
 */
const TWO_DIGIT = new Set(
  '20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 60 61 62 63 64 65 66 81 82 84 86 90 91 92 93 94 95 98'.split(
    ' ',
  ),
);

/** @returns `{cc: '1', phoneNumber: '6315551000'}` for `+16315551000` */
export function splitNumber(e164: string): { cc: string; phoneNumber: string } {
  const digits = e164.replace(/^\+/, '');
  const length =
    digits.startsWith('1') || digits.startsWith('7') ? 1 : TWO_DIGIT.has(digits.slice(0, 2)) ? 2 : 3;
  return { cc: digits.slice(0, length), phoneNumber: digits.slice(length) };
}
