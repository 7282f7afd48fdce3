import * as z from 'zod';
import { errorCatalogue, isErrorCode } from '../../onprem/errorCatalogue.ts';

/** `*` matches any text. */
const pattern = z.string().max(256);

/** Selects calls of the API. */
export const callPattern = z.strictObject({
  /** Any method if absent. */
  method: z.enum(['GET', 'POST', 'PUT', 'PATCH', 'DELETE']).optional(),
  path: pattern.regex(/^[/*]/, 'a path begins with /'),
  /** Host name of the Webapp; all Webapps if absent. */
  webapp: pattern.optional(),
  /** Recipient of the message that is sent, as the call writes it or as digits. */
  to: pattern.optional(),
  /** Type of the message that is sent. */
  type: pattern.optional(),
});
export type CallPattern = z.output<typeof callPattern>;

/** What happens to the selected calls: a delay, and then at most one of `code`, `status` and `cut`. */
export const apiFault = callPattern
  .extend({
    /** Share of the selected calls that the fault hits. */
    share: z.number().min(0).max(1).default(1),
    /** The same seed chooses the same calls; by default they differ from run to run. */
    seed: z.int().optional(),
    /** Hits only each nth of the selected calls. */
    every: z.int().min(1).optional(),
    /** How many calls the fault hits; no limit if absent. */
    times: z.int().min(1).optional(),
    delayMs: z.int().min(0).max(300_000).default(0),
    /** The Webapp answers with this error of the catalogue instead of serving the call. */
    code: z.coerce
      .number()
      .refine(isErrorCode, `one of ${Object.keys(errorCatalogue).join(', ')}`)
      .optional(),
    /** The Webapp answers with an HTML page, like a proxy before it, instead of serving the call. */
    status: z.int().min(400).max(599).optional(),
    /** The Webapp closes the connection: before it serves the call, or after that and before the answer. */
    cut: z.enum(['before', 'after']).optional(),
  })
  .refine(
    ({ code, status, cut }) => [code, status, cut].filter((effect) => effect !== undefined).length <= 1,
    'at most one of code, status and cut',
  );
export type ApiFault = z.output<typeof apiFault>;

/** A call, and for one that sends a message to whom and what. */
export const apiCall = z.object({
  method: z.string(),
  path: z.string(),
  webapp: z.string(),
  to: z.string().optional(),
  type: z.string().optional(),
});
export type ApiCall = z.output<typeof apiCall>;

export const isMeant = ({ method, path, webapp, to, type }: CallPattern, call: ApiCall): boolean =>
  (method ?? call.method) === call.method &&
  fits(path, call.path) &&
  fits(webapp ?? '*', call.webapp) &&
  (to === undefined || (call.to !== undefined && (fits(to, call.to) || digits(to) === digits(call.to)))) &&
  (type === undefined || (call.type !== undefined && fits(type, call.type)));

/** `*` stays, so that a pattern never equals a number by its digits alone. */
const digits = (text: string): string => text.replace(/[^0-9*]/g, '');

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
