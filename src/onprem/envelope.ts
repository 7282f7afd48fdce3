import * as z from 'zod';

/** `meta` of every JSON answer. The version may or may not begin with `v`. */
const meta = z.looseObject({ api_status: z.string(), version: z.string() });

export const apiErrorBody = z.looseObject({
  code: z.int(),
  title: z.string(),
  details: z.string().optional(),
  href: z.string().optional(),
});
export type ApiErrorBody = z.output<typeof apiErrorBody>;

/** A refusal. Success has the payload beside `meta`, or no payload at all. */
export const failure = z.looseObject({ errors: z.array(apiErrorBody).min(1), meta: meta.optional() });
