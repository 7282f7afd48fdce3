import * as z from 'zod';
import { safeJson } from '../../base/safeJson.ts';
import { apiErrorBody } from '../../onprem/envelope.ts';
import { type RequestReport, requestReport } from '../wire/reports.ts';
import { type ApiName, apiName } from './apiName.ts';

/** A call of the API, and how it was answered. */
export const requestRecord = requestReport.omit({ body: true, answer: true }).extend({
  id: z.int().meta({ description: 'grows with each call' }),
  api: apiName,
  webapp: z.string().meta({ description: 'who answered: a Webapp, or graph' }),
  /** JSON, or the beginning of its text where that is long or no JSON. */
  body: z.unknown().optional(),
  answer: z.unknown().optional(),
  /** Of a refusal. */
  errors: z.array(apiErrorBody).readonly(),
});
export type RequestRecord = z.output<typeof requestRecord>;

/** Calls that are kept; the oldest go first. */
export const REMEMBERED_REQUESTS = 1_000;

/** The latest calls of the API, for people and tests. It is kept in memory only. */
export class RequestLog {
  readonly #records: RequestRecord[] = [];
  readonly #onChange: (record: RequestRecord) => void;
  #lastId = 0;
  /** Calls that Webapps left out under a load. */
  skipped = 0;

  constructor(onChange: (record: RequestRecord) => void) {
    this.#onChange = onChange;
  }

  get lastId(): number {
    return this.#lastId;
  }

  /** The oldest first. */
  all(): readonly RequestRecord[] {
    return this.#records;
  }

  take(webapp: string, { body, answer, ...report }: RequestReport, api: ApiName = 'v1'): void {
    this.#lastId += 1;
    const answered = jsonOr(answer);
    const record: RequestRecord = {
      id: this.#lastId,
      api,
      webapp,
      ...report,
      ...(body === undefined ? {} : { body: jsonOr(body) }),
      ...(answer === undefined ? {} : { answer: answered }),
      errors: errorsIn(answered),
    };
    this.#records.push(record);
    if (this.#records.length > REMEMBERED_REQUESTS) this.#records.shift();
    this.#onChange(record);
  }

  clear(): void {
    this.#records.length = 0;
    this.skipped = 0;
  }
}

/** Of an answer of either API. */
function errorsIn(answer: unknown): RequestRecord['errors'] {
  const { errors, error } = (answer ?? {}) as { errors?: unknown; error?: unknown };
  const { code, message, error_data } = (error ?? {}) as {
    code?: unknown;
    message?: unknown;
    error_data?: { details?: unknown };
  };
  const ofGraph = { code, title: message, details: error_data?.details };
  return z.array(apiErrorBody).safeParse(error === undefined ? errors : [ofGraph]).data ?? [];
}

const jsonOr = (text: string | undefined): unknown =>
  text === undefined ? undefined : (safeJson(text) ?? text);
