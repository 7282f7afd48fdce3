import { httpsLoad, type LoadOptions } from './httpsLoad.ts';
import { cpuSeconds } from './processCpu.ts';
import type { Receiver } from './receiver.ts';

/** Who gets the load. */
export interface Contestant {
  readonly load: Omit<LoadOptions, 'seconds'>;
  /** Its processes by name. */
  readonly pids: Readonly<Record<string, number>>;
  /** Where its webhooks arrive; absent if it has none. */
  readonly receiver?: Pick<Receiver, 'callbacks' | 'statuses'>;
}

export interface Round {
  readonly perSecond: number;
  readonly failed: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** CPU a message of each process, until the load ended. */
  readonly cpuMs: Readonly<Record<string, number>>;
  /** Statuses that arrived before the load ended, as a share of all. */
  readonly toldShare: number;
  /** From the end of the load to the last status. */
  readonly behindMs: number;
  readonly perCallback: number;
}

/** `sent`, `delivered`, `read`. */
const STATUSES = 3;
const PATIENCE_MS = 300_000;
const LOOK_EVERY_MS = 10;
const pause = (forMs: number) => new Promise((done) => setTimeout(done, forMs));

/** Sends load for a while, and waits until every status of every accepted message has arrived. @throws if one is missing */
export async function runRound({ load, pids, receiver }: Contestant, seconds: number): Promise<Round> {
  const [statuses, callbacks] = [receiver?.statuses() ?? 0, receiver?.callbacks() ?? 0];
  const used = () => Object.entries(pids).map(([name, pid]) => [name, cpuSeconds(pid)] as const);
  const [before, ownBefore] = [used(), process.cpuUsage()];
  const { accepted, ...measured } = await httpsLoad({ ...load, seconds });
  const endedAt = performance.now();
  const { user, system } = process.cpuUsage(ownBefore);
  const eachMs = (spent: number) => (spent * 1000) / accepted;
  const cpuMs = Object.fromEntries([
    ...used().map(([name, after], index) => [name, eachMs(after - (before[index]?.[1] ?? 0))]),
    ['load and receiver', eachMs((user + system) / 1e6)],
  ]);
  const told = () => (receiver?.statuses() ?? 0) - statuses;
  const expected = accepted * STATUSES;
  const toldShare = told() / expected;
  while (receiver && told() < expected) {
    if (performance.now() - endedAt > PATIENCE_MS)
      throw new Error(`${expected - told()} of ${expected} statuses never arrived`);
    await pause(LOOK_EVERY_MS);
  }
  const behindMs = performance.now() - endedAt;
  const perCallback = told() / ((receiver?.callbacks() ?? 0) - callbacks);
  return { ...measured, cpuMs, toldShare, behindMs, perCallback };
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
