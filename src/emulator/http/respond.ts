import { randomBytes } from 'node:crypto';
import { type ErrorCode, errorCatalogue, isErrorCode } from '../../onprem/errorCatalogue.ts';
import { Refusal } from '../wire/protocol.ts';

/** Headers of every JSON answer. Source: api-admin reference 1.3. */
const hex = () => randomBytes(16).toString('hex');

export interface Answer {
  readonly status: number;
  readonly payload?: Record<string, unknown>;
  /** Whether a Coreapp was asked: shows in a header and in the form of the version. */
  readonly relayed?: boolean;
}

/** JSON in the documented envelope. Without payload there is only `meta`. */
export function jsonAnswer({ status, payload = {}, relayed = false }: Answer, version: string): Response {
  const meta = { api_status: 'stable', version: relayed ? version.replace(/^v/, '') : version };
  return new Response(JSON.stringify({ ...payload, meta }), {
    status,
    headers: {
      'content-type': 'application/json',
      'cache-control': 'no-cache, private',
      server: 'Server',
      'x-request-id': hex(),
      ...(relayed ? { 'x-internal-request-ids': hex() } : {}),
    },
  });
}

/** A refusal in the documented envelope. `status` is for the few codes whose status depends on the call. */
export function errorAnswer(
  code: number,
  details: string | undefined,
  version: string,
  status?: number,
): Response {
  const known: ErrorCode = isErrorCode(code) ? code : 1014;
  const { title, httpStatus } = errorCatalogue[known];
  const error = { code: known, title, ...(details === undefined ? {} : { details }) };
  return jsonAnswer({ status: status ?? httpStatus, payload: { errors: [error] } }, version);
}

/** 401 without a body, as seen on live systems. */
export const unauthorised = (): Response =>
  new Response(null, { status: 401, headers: { server: 'Server', 'x-request-id': hex() } });

/** @throws Refusal 1025 for what is no JSON object, 1008 and 1009 by field for what does not fit */
export function parseBody<T>(
  schema: {
    safeParse(
      value: unknown,
    ): { success: true; data: T } | { success: false; error: { issues: readonly Issue[] } };
  },
  text: string,
): T {
  let value: unknown;
  try {
    value = text.trim() === '' ? {} : JSON.parse(text);
  } catch {
    throw new Refusal(1025, 'The body is not valid JSON');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Refusal(1025, 'The body must be a JSON object');
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const path = issue?.path.join('.') ?? '';
  const missing = issue !== undefined && valueAt(value, issue.path) === undefined;
  throw missing
    ? new Refusal(1008, `${path} is required`)
    : new Refusal(1009, `${path}: ${issue?.message ?? 'not valid'}`);
}

interface Issue {
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

const valueAt = (value: unknown, path: readonly PropertyKey[]): unknown =>
  path.reduce<unknown>((inner, key) => (inner as Record<PropertyKey, unknown> | undefined)?.[key], value);
