import { z } from 'zod';
import { errorCatalogue, isErrorCode } from '../../onprem/errorCatalogue.ts';

/** Matched with `*` for any text. */
const pattern = z.string().max(256);

/** Which calls of the API are meant. */
export const callPattern = z.strictObject({
  /** Any, unless one is named. */
  method: z.enum(['GET', 'POST', 'PUT', 'PATCH', 'DELETE']).optional(),
  path: pattern.regex(/^[/*]/, 'a path begins with /'),
  /** Name of the Webapp, its host name; all of them, unless it is given. */
  webapp: pattern.optional(),
});
export type CallPattern = z.output<typeof callPattern>;

/** What befalls calls of the API: a delay, and then at most one of `code`, `status` and `cut`. */
export const apiFault = callPattern
  .extend({
    /** Of the calls that are meant, this share. */
    share: z.number().min(0).max(1).default(1),
    /** So many of them; without end, unless it is given. */
    times: z.int().min(1).optional(),
    delayMs: z.int().min(0).max(300_000).default(0),
    /** An error of the catalogue, in the documented envelope; nothing is done. */
    code: z.coerce
      .number()
      .refine(isErrorCode, `one of ${Object.keys(errorCatalogue).join(', ')}`)
      .optional(),
    /** A page of something that stands before the Webapp; nothing is done. */
    status: z.int().min(400).max(599).optional(),
    /** The connection breaks: before anything is done, or after everything is done and before the answer. */
    cut: z.enum(['before', 'after']).optional(),
  })
  .refine(
    ({ code, status, cut }) => [code, status, cut].filter((effect) => effect !== undefined).length <= 1,
    'at most one of code, status and cut',
  );
export type ApiFault = z.output<typeof apiFault>;

export interface ApiCall {
  readonly method: string;
  readonly path: string;
  readonly webapp: string;
}

export const isMeant = ({ method, path, webapp }: CallPattern, call: ApiCall): boolean =>
  (method ?? call.method) === call.method && fits(path, call.path) && fits(webapp ?? '*', call.webapp);

function fits(pattern: string, text: string): boolean {
  const [first = '', ...others] = pattern.split('*');
  if (others.length === 0) return text === first;
  const last = others.pop() ?? '';
  if (!text.startsWith(first) || text.length < first.length + last.length || !text.endsWith(last))
    return false;
  let rest = text.slice(first.length, text.length - last.length);
  for (const part of others) {
    const at = rest.indexOf(part);
    if (at === -1) return false;
    rest = rest.slice(at + part.length);
  }
  return true;
}
