import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import type { KubeClient } from '../../engine/kube/client.ts';
import { type KubeObject, kinds } from '../../engine/kube/kubeObject.ts';
import { podLog } from '../../engine/kube/podLog.ts';
import type { Clue } from '../plan/facts/observed.ts';

/** Something that only a log or the events of an object tell. */
interface Asked {
  readonly uid: string;
  readonly name: string;
  /** Epoch ms from when on the question is worth a request. */
  readonly dueMs: number;
  readonly ask: 'log' | 'warnings';
  readonly container?: string | undefined;
  readonly previous?: boolean;
}

type EventObject = KubeObject & {
  readonly type?: string;
  readonly reason?: string;
  readonly message?: string;
  readonly lastTimestamp?: string | null;
  readonly eventTime?: string | null;
};

/** An answer is asked for again after this time. */
const FRESH_MS = 10_000;
/** The most requests of one pass. */
const MOST_REQUESTS = 4;
const LAST_LINES = 10;
const LONGEST_LINE = 400;
const MOST_WARNINGS = 3;

/** Events about claims that Kubernetes does not call warnings. */
const TELLING: ReadonlySet<string> = new Set([
  'FailedBinding',
  'WaitForFirstConsumer',
  'WaitForPodScheduled',
]);

export interface Answers {
  /** By UID. */
  readonly clues: ReadonlyMap<string, Clue>;
  /** Epoch ms when to ask again; undefined without questions. */
  readonly nextMs: number | undefined;
}

/**
 * Asks the API server for logs and events of objects that do not run. An answer that it refuses or cannot give is no
 * answer: the status then says what the object itself says.
 */
export class Clues {
  readonly #client: KubeClient;
  readonly #clock: Clock;
  /** By stack, then by UID. */
  readonly #known = new Map<string, Map<string, { readonly atMs: number; readonly clue: Clue }>>();

  constructor(client: KubeClient, clock: Clock) {
    this.#client = client;
    this.#clock = clock;
  }

  async answer(
    { key, namespace }: { readonly key: string; readonly namespace: string },
    questions: readonly Asked[],
    signal: AbortSignal,
    logger: Logger,
  ): Promise<Answers> {
    const before = this.#known.get(key) ?? new Map();
    const after: typeof before = new Map();
    const nowMs = this.#clock.now();
    let requests = 0;
    for (const question of questions) {
      const { uid, dueMs } = question;
      const known = before.get(uid);
      const isFresh = known !== undefined && nowMs - known.atMs < FRESH_MS;
      if (isFresh || dueMs > nowMs || requests >= MOST_REQUESTS) {
        if (known) after.set(uid, known);
        continue;
      }
      requests += 1;
      const clue = await this.#ask(namespace, question, signal).catch((error: unknown) => {
        if (signal.aborted) throw error;
        logger.debug('no answer to a question about an object that does not run', { ...question, error });
        return undefined;
      });
      after.set(uid, { atMs: nowMs, clue: clue ?? known?.clue ?? {} });
    }
    if (after.size > 0) this.#known.set(key, after);
    else this.#known.delete(key);
    const due = questions.map(({ uid, dueMs }) => {
      const known = after.get(uid);
      return known ? known.atMs + FRESH_MS : Math.max(dueMs, nowMs + 1);
    });
    return {
      clues: new Map([...after].map(([uid, { clue }]) => [uid, clue])),
      nextMs: due.length === 0 ? undefined : Math.min(...due),
    };
  }

  forget(key: string): void {
    this.#known.delete(key);
  }

  #ask(namespace: string, question: Asked, signal: AbortSignal): Promise<Clue> {
    return question.ask === 'log'
      ? this.#log(namespace, question, signal)
      : this.#warnings(namespace, question, signal);
  }

  async #log(
    namespace: string,
    { name, container, previous = false }: Asked,
    signal: AbortSignal,
  ): Promise<Clue> {
    const read = (before: boolean) =>
      podLog(this.#client, namespace, name, { container, tailLines: LAST_LINES, previous: before }, signal);
    const text = previous ? await read(true).catch(() => read(false)) : await read(false);
    const lines = text.split('\n').filter((line) => line.trim() !== '');
    return { lines: lines.slice(-LAST_LINES).map((line) => line.slice(0, LONGEST_LINE)) };
  }

  async #warnings(namespace: string, { uid }: Asked, signal: AbortSignal): Promise<Clue> {
    const fieldSelector = `involvedObject.uid=${uid}`;
    const { items } = await this.#client.list<EventObject>(kinds.Event, { namespace, fieldSelector }, signal);
    const at = ({ lastTimestamp, eventTime, metadata }: EventObject) =>
      lastTimestamp ?? eventTime ?? metadata.creationTimestamp ?? '';
    const telling = items.filter(({ type, reason = '' }) => type === 'Warning' || TELLING.has(reason));
    const newest = [...telling].sort((a, b) => at(b).localeCompare(at(a))).slice(0, MOST_WARNINGS);
    return { warnings: newest.map(({ reason = '', message = '' }) => ({ reason, message })) };
  }
}
