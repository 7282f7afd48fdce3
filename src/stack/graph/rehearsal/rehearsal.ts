import type { Logger } from '../../../base/logger.ts';
import type { CallbackRecord } from '../../network/callbackLog.ts';
import type { Network } from '../../network/network.ts';
import type { Notice } from '../../network/notices.ts';
import type {
  Difference,
  Finding,
  RehearsalEvent,
  RehearsalReport,
  RehearsalSide,
  Verdict,
} from '../../network/rehearsalRecord.ts';
import { REMEMBERED_REQUESTS, type RequestRecord } from '../../network/requestLog.ts';
import type { GraphNumbers } from '../graphNumbers.ts';
import { compareGraphCall } from './compareGraphCall.ts';
import { once } from './differences.ts';
import { translateCall, type Unit } from './translateCall.ts';
import { translateCallback } from './translateCallback.ts';

/** Findings that are kept, and differences of each: more than the shapes of both APIs have. */
const MOST = { findings: 500, differences: 100, envelope: 200, problems: 20 } as const;
/** Calls of `/v1` with which one of the Cloud API is compared. */
const COMPARED = 200;
/** The worst first. */
const VERDICTS: readonly Verdict[] = ['no-counterpart', 'differs', 'ready'];

type New = Omit<RehearsalEvent, 'id'>;

/** Shows each event of `/v1` in both shapes, and each call of the Cloud API beside the call of `/v1` that it is like. */
export class Rehearsal implements RehearsalSide {
  readonly #network: Network;
  readonly #numbers: GraphNumbers;
  readonly #logger: Logger;
  readonly #events: RehearsalEvent[] = [];
  readonly #findings = new Map<string, Finding>();
  readonly #envelope = new Map<string, RehearsalReport['envelope'][number]>();
  #lastId = 0;
  /** Ids of records that were taken last. */
  #taken = { request: 0, callback: 0 };
  #stopWatching: (() => void) | undefined;

  constructor(network: Network, numbers: GraphNumbers, logger: Logger) {
    this.#network = network;
    this.#logger = logger;
    this.#numbers = numbers;
  }

  get lastId(): number {
    return this.#lastId;
  }

  events(): readonly RehearsalEvent[] {
    return this.#events;
  }

  follow(): void {
    if (this.#stopWatching) return;
    const { notices, requests, callbacks } = this.#network;
    const there = [
      ...requests.all().map((record) => ({ about: 'request' as const, ...record })),
      ...callbacks.all().map((record) => ({ about: 'callback' as const, ...record })),
    ].sort((a, b) => a.at - b.at);
    for (const notice of there) this.#hear(notice);
    this.#stopWatching = notices.watch((notice) => this.#hear(notice));
  }

  stop(): void {
    this.#stopWatching?.();
  }

  report(): RehearsalReport {
    const findings = [...this.#findings.values()].sort(
      (a, b) => VERDICTS.indexOf(a.verdict) - VERDICTS.indexOf(b.verdict) || b.count - a.count,
    );
    const countOf = (verdict: Verdict) =>
      findings.reduce((sum, each) => sum + (each.verdict === verdict ? each.count : 0), 0);
    const { requests, callbacks } = this.#network;
    return {
      counts: {
        ready: countOf('ready'),
        differs: countOf('differs'),
        'no-counterpart': countOf('no-counterpart'),
      },
      skipped: requests.skipped + callbacks.skipped,
      findings,
      envelope: [...this.#envelope.values()],
    };
  }

  #hear(notice: Notice): void {
    if (notice.about === 'reset') this.#clear();
    if (notice.about !== 'request' && notice.about !== 'callback') return;
    // A callback is told again with each attempt.
    if (notice.id <= this.#taken[notice.about]) return;
    this.#taken[notice.about] = notice.id;
    try {
      const heard = notice.about === 'request' ? this.#ofRequest(notice) : this.#ofCallback(notice);
      if (heard) this.#add(heard.event, heard.units);
    } catch (error) {
      // Nobody's call may fail because it cannot be compared.
      this.#logger.warn('an event was left out of the rehearsal', { record: notice.id, error });
    }
  }

  #ofRequest(record: RequestRecord) {
    const { id, at, api, method, path, status, body, answer } = record;
    const own = { line: `${method} ${path}`, status, body, answer };
    if (api === 'graph') {
      const seen = this.#events.filter(({ kind }) => kind === 'call').slice(-COMPARED);
      const unit = compareGraphCall(record, seen, this.#numbers);
      return { event: { ...unit, at, kind: 'graph-call' as const, record: id }, units: [unit] };
    }
    const unit = translateCall(record);
    if (!unit) return undefined;
    return { event: { ...unit, at, kind: 'call' as const, record: id, v1: own }, units: [unit] };
  }

  #ofCallback({ id, at, api, number, body, redeliveryOf }: CallbackRecord) {
    if (api === 'graph' || redeliveryOf !== undefined) return undefined;
    const { graph, units } = translateCallback(this.#network, number, body);
    if (units.length === 0) return undefined;
    const event: New = {
      at,
      kind: 'callback',
      record: id,
      name: [...new Set(units.map(({ name }) => name))].join(', '),
      verdict: VERDICTS.find((each) => units.some(({ verdict }) => verdict === each)) ?? 'ready',
      v1: { line: 'POST <your webhook>', body },
      graph,
      differences: once(units.flatMap(({ differences }) => differences)),
      problems: [],
      remedies: [...new Set(units.flatMap(({ remedies }) => remedies))],
    };
    return { event, units };
  }

  #add(fresh: New, units: readonly Unit[]): void {
    this.#lastId += 1;
    const event: RehearsalEvent = { ...fresh, id: this.#lastId };
    this.#events.push(event);
    if (this.#events.length > REMEMBERED_REQUESTS) this.#events.shift();
    for (const unit of units) this.#count(event, unit);
    this.#network.notices.tell({ about: 'rehearsal', ...event });
  }

  #count(event: RehearsalEvent, { name, verdict, differences, problems, remedies }: Unit): void {
    const { kind } = event;
    for (const each of differences)
      if (each.isEnvelope && this.#envelope.size < MOST.envelope) {
        const key = JSON.stringify([kind, each.part, each.change, each.from, each.to]);
        if (!this.#envelope.has(key)) this.#envelope.set(key, { of: kind, ...each });
      }
    const key = JSON.stringify([kind, name, verdict]);
    const known = this.#findings.get(key);
    if (!known && this.#findings.size >= MOST.findings) return;
    const own = differences.filter(({ isEnvelope }) => !isEnvelope);
    const before = known ?? {
      kind,
      name,
      verdict,
      count: 0,
      differences: [],
      problems: [],
      remedies: [],
      first: event,
    };
    this.#findings.set(key, {
      ...before,
      count: before.count + 1,
      differences: once<Difference>([...before.differences, ...own]).slice(0, MOST.differences),
      problems: [...new Set([...before.problems, ...problems])].slice(0, MOST.problems),
      remedies: [...new Set([...before.remedies, ...remedies])].slice(0, MOST.problems),
    });
  }

  #clear(): void {
    this.#events.length = 0;
    this.#findings.clear();
    this.#envelope.clear();
  }
}
