import { z } from 'zod';
import { safeJson } from '../../base/safeJson.ts';
import { apiErrorBody } from '../../onprem/envelope.ts';
import { type RequestReport, requestReport } from '../wire/reports.ts';

/** A call of the API, and how it was answered. */
export const requestRecord = requestReport.omit({ body: true, answer: true }).extend({
  id: z.int().meta({ description: 'grows with each call' }),
  webapp: z.string(),
  /** JSON, or the beginning of its text where that is long or no JSON. */
  body: z.unknown().optional(),
  answer: z.unknown().optional(),
  /** Of a refusal. */
  errors: z.array(apiErrorBody).readonly(),
});
export type RequestRecord = z.output<typeof requestRecord>;

/** Calls that are kept; the oldest go first. */
const REMEMBERED = 1_000;

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

  take(webapp: string, { body, answer, ...report }: RequestReport): void {
    this.#lastId += 1;
    const answered = jsonOr(answer);
    const errors = z.array(apiErrorBody).safeParse((answered as { errors?: unknown } | undefined)?.errors);
    const record: RequestRecord = {
      id: this.#lastId,
      webapp,
      ...report,
      ...(body === undefined ? {} : { body: jsonOr(body) }),
      ...(answer === undefined ? {} : { answer: answered }),
      errors: errors.data ?? [],
    };
    this.#records.push(record);
    if (this.#records.length > REMEMBERED) this.#records.shift();
    this.#onChange(record);
  }

  clear(): void {
    this.#records.length = 0;
    this.skipped = 0;
  }
}

const jsonOr = (text: string | undefined): unknown =>
  text === undefined ? undefined : (safeJson(text) ?? text);
