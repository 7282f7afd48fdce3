import type * as z from 'zod';
import { pooledRandomBytes } from '../../base/randomPool.ts';
import { type ErrorCode, errorCatalogue, isErrorCode } from '../../onprem/errorCatalogue.ts';
import { isLegalType, UNKNOWN_TYPE } from '../../onprem/media.ts';
import { paramsOf, valueAt } from '../../onprem/refusalIssue.ts';
import { withoutNulls } from '../../onprem/withoutNulls.ts';
import { JsonAnswer } from '../http/jsonAnswer.ts';
import type * as http from '../http/route.ts';
import { Refusal } from '../wire/protocol.ts';
import { contentDisposition } from './contentDisposition.ts';

/** 32 hex digits. */
const hex = () => pooledRandomBytes(16).toString('hex');
/** On answers that a Coreapp took part in. Source: docs/onprem/api-admin.md §1.3. */
const INTERNAL_IDS = 'x-internal-request-ids';
/** Headers of every answer. Source: docs/onprem/api-admin.md §1.3. */
const common = () => ({ server: 'Server', 'x-request-id': hex() });

export interface Answer {
  readonly status: number;
  readonly payload?: object;
  /** Whether a Coreapp answered: this changes a header and the form of the version. */
  readonly relayed?: boolean;
  /** A second id of the call behind the Webapp: the key of a message. */
  readonly key?: string | undefined;
}

/** The texts of `meta` by version, with the braces that end an answer: each answer has one of two. */
const metas = new Map<string, { readonly alone: string; readonly relayed: string }>();

function metaOf(version: string) {
  const known = metas.get(version);
  if (known) return known;
  const text = (shown: string) => `"meta":${JSON.stringify({ api_status: 'stable', version: shown })}}`;
  const made = { alone: text(version), relayed: text(version.replace(/^v/, '')) };
  metas.set(version, made);
  return made;
}

/** JSON in the documented envelope. Without payload it holds only `meta`. */
export function jsonAnswer(
  { status, payload, relayed: byCoreapp = false, key }: Answer,
  version: string,
): JsonAnswer {
  const meta = byCoreapp ? metaOf(version).relayed : metaOf(version).alone;
  const content = payload === undefined ? '{}' : JSON.stringify(payload);
  const text = content === '{}' ? `{${meta}` : `${content.slice(0, -1)},${meta}`;
  const headers: Record<string, string> = {
    server: 'Server',
    'x-request-id': hex(),
    'content-type': 'application/json',
    'cache-control': 'no-cache, private',
  };
  if (byCoreapp) headers[INTERNAL_IDS] = key === undefined ? hex() : `${hex()}|${key}`;
  return new JsonAnswer(status, headers, text);
}

/** Marks an answer of any type as one that a Coreapp took part in. */
export function markRelayed<A extends http.Answer>(answer: A): A {
  if (!(answer instanceof JsonAnswer)) answer.headers.set(INTERNAL_IDS, hex());
  else if (answer.headers[INTERNAL_IDS] === undefined) answer.headers[INTERNAL_IDS] = hex();
  return answer;
}

/** An answer that a Coreapp or Master gave. */
export const relayed = (version: string, status = 200, payload?: Record<string, unknown>): JsonAnswer =>
  jsonAnswer({ status, relayed: true, ...(payload ? { payload } : {}) }, version);

/** A refusal in the documented envelope. `status` is for the few codes whose status depends on the call. */
export function errorAnswer(
  code: number,
  details: string | undefined,
  version: string,
  {
    status,
    relayed: byCoreapp = false,
    errorsUrl,
  }: { status?: number | undefined; relayed?: boolean; errorsUrl?: string | undefined } = {},
): JsonAnswer {
  const known: ErrorCode = isErrorCode(code) ? code : 1014;
  const { title, httpStatus } = errorCatalogue[known];
  const error = {
    code: known,
    title,
    ...(details === undefined ? {} : { details }),
    ...(errorsUrl === undefined ? {} : { href: `${errorsUrl}/${known}` }),
  };
  return jsonAnswer(
    { status: status ?? httpStatus, payload: { errors: [error] }, relayed: byCoreapp },
    version,
  );
}

/** An answer without a body: 401 as seen on live systems, 404 of media. */
export const emptyAnswer = (status: number): Response => new Response(null, { status, headers: common() });
export const unauthorised = (): Response => emptyAnswer(401);

export const textAnswer = (text: string, headers: Record<string, string> = {}): Response =>
  new Response(text, { headers: { ...common(), 'content-type': 'text/plain;charset=UTF-8', ...headers } });

export const binaryAnswer = (bytes: Buffer, type: string): Response =>
  new Response(new Uint8Array(bytes), { headers: { ...common(), 'content-type': type } });

export const streamAnswer = (
  content: ReadableStream<Uint8Array>,
  { type, bytes, filename }: { type: string; bytes: number; filename?: string | undefined },
): Response =>
  new Response(content, {
    headers: {
      ...common(),
      'content-type': isLegalType(type) ? type : UNKNOWN_TYPE,
      'content-length': String(bytes),
      'content-disposition': contentDisposition(filename),
    },
  });

/** @throws Refusal 1025 if the value is not an object or list, 1008 to 1010 by field, and the codes that shapes name */
export function bodyAs<S extends z.ZodType>(schema: S, value: unknown): z.output<S> {
  if (typeof value !== 'object' || value === null) throw new Refusal(1025, 'The body must be a JSON object');
  const given = withoutNulls(value);
  const parsed = schema.safeParse(given);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw issue ? refusalOf(issue, given) : new Refusal(1025);
}

function refusalOf(issue: z.core.$ZodIssue, value: unknown): Refusal {
  const path = issue.path.join('.');
  const said = path === '' ? issue.message : `${path}: ${issue.message}`;
  const { apiCode, isWhole } = paramsOf(issue);
  if (apiCode !== undefined) return new Refusal(apiCode, isWhole ? issue.message : said);
  if (issue.code === 'unrecognized_keys') return new Refusal(1010, [...issue.path, issue.keys[0]].join('.'));
  if (path === '' && issue.code === 'invalid_type') return new Refusal(1025, issue.message);
  return valueAt(value, issue.path) === undefined
    ? new Refusal(1008, `${path} is required`)
    : new Refusal(1009, said);
}
