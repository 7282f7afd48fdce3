import * as z from 'zod';
import { safeJson } from '../../base/safeJson.ts';
import { type CallbackReport, callbackAttempt } from '../wire/reports.ts';
import { type ApiName, apiName } from './apiName.ts';

/** A callback of a number, and what became of it. */
export const callbackRecord = z.object({
  id: z.int().meta({ description: 'grows with each callback' }),
  number: z.string(),
  api: apiName,
  /** The field of the body that says what happened: `statuses`, `messages`, `errors`, `media_items`, `services`; of the Graph API that of its first change. */
  kind: z.string(),
  at: z.number().meta({ description: 'when it was made, epoch ms' }),
  state: z.enum(['waiting', 'delivered', 'dropped']),
  body: z.unknown(),
  attempts: z.array(callbackAttempt).readonly(),
  nextAttemptAt: z.number().optional().meta({ description: 'epoch ms' }),
  redeliveryOf: z.int().optional(),
});
export type CallbackRecord = z.output<typeof callbackRecord>;

/** Callbacks that are kept, and attempts of each; the oldest go first. */
const REMEMBERED = { callbacks: 2_000, attempts: 50 } as const;

/** The latest callbacks of all numbers, for people and tests. It is kept in memory only. */
export class CallbackLog {
  readonly #records = new Map<number, CallbackRecord>();
  readonly #ids = new Map<string, number>();
  readonly #keys = new Map<number, string>();
  readonly #now: () => number;
  readonly #onChange: (record: CallbackRecord) => void;
  #lastId = 0;
  /** Reports that nodes left out under a load. */
  skipped = 0;

  constructor(now: () => number, onChange: (record: CallbackRecord) => void) {
    this.#now = now;
    this.#onChange = onChange;
  }

  get lastId(): number {
    return this.#lastId;
  }

  /** The oldest first. */
  all(): CallbackRecord[] {
    return [...this.#records.values()];
  }

  find(id: number): CallbackRecord | undefined {
    return this.#records.get(id);
  }

  /** `redeliveryOf`: the callback that this one repeats. @returns the record; what is known of it already stays */
  take(
    number: string,
    { key, payload, state, attempt, delayMs }: CallbackReport,
    redeliveryOf?: number,
    api: ApiName = 'v1',
  ): CallbackRecord {
    const known = this.#records.get(this.#ids.get(`${number} ${key}`) ?? 0);
    const { nextAttemptAt: _, ...before } = known ?? this.#add(number, key, payload, api);
    const attempts = [...before.attempts, ...(attempt ? [attempt] : [])].slice(-REMEMBERED.attempts);
    const record: CallbackRecord = {
      ...before,
      // A report that callbacks wait may come after that of the first attempt.
      state: state === 'waiting' && !attempt ? before.state : state,
      attempts,
      ...(redeliveryOf === undefined ? {} : { redeliveryOf }),
      ...(delayMs === undefined ? {} : { nextAttemptAt: this.#now() + delayMs }),
    };
    this.#records.set(record.id, record);
    this.#onChange(record);
    return record;
  }

  clear(): void {
    for (const map of [this.#records, this.#ids, this.#keys]) map.clear();
    this.skipped = 0;
  }

  #add(number: string, key: string, payload: string, api: ApiName): CallbackRecord {
    this.#lastId += 1;
    const body = safeJson(payload) ?? {};
    const record: CallbackRecord = {
      id: this.#lastId,
      number,
      api,
      kind: kindOf(body as object, api),
      at: this.#now(),
      state: 'waiting',
      body,
      attempts: [],
    };
    this.#records.set(record.id, record);
    this.#ids.set(`${number} ${key}`, record.id);
    this.#keys.set(record.id, `${number} ${key}`);
    if (this.#records.size > REMEMBERED.callbacks) this.#forgetOldest();
    return record;
  }

  #forgetOldest(): void {
    const [oldest = 0] = this.#records.keys();
    this.#records.delete(oldest);
    this.#ids.delete(this.#keys.get(oldest) ?? '');
    this.#keys.delete(oldest);
  }
}

/** A change of the Graph API that tells of neither messages nor statuses is of the kind of its field. */
function kindOf(body: object, api: ApiName): string {
  if (api === 'graph') {
    const { field = '', value = {} } =
      (body as { entry?: { changes?: { field?: string; value?: object }[] }[] }).entry?.[0]?.changes?.[0] ??
      {};
    return ['messages', 'statuses', 'errors'].find((name) => name in value) ?? field;
  }
  // The sender of a message is told before the message.
  return Object.keys(body).find((name) => name !== 'contacts') ?? '';
}
