import { readdirSync, readFileSync } from 'node:fs';

/** Of Linux: the unit of CPU times in /proc. */
const TICK_MS = 10;
const SAMPLE_MS = 100;

export interface Reading {
  readonly rssMb: number;
  readonly descriptors: number;
  readonly cpuMs: number;
}

/** What a process holds and has used; undefined if it is gone. */
function readingOf(pid: number): Reading | undefined {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
    return {
      rssMb: Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024),
      descriptors: readdirSync(`/proc/${pid}/fd`).length,
      cpuMs: (Number(stat[11]) + Number(stat[12])) * TICK_MS,
    };
  } catch {
    return undefined;
  }
}

/** Watches processes from outside: memory, descriptors, the time of their event loops, and whether they live. */
export class Watch {
  readonly #pidOf: (name: string) => number;
  readonly #names: readonly string[];
  readonly #pids: Readonly<Record<string, number>>;
  readonly #first: Record<string, Reading> = {};
  readonly #peakMb: Record<string, number> = {};
  readonly #probes: (() => Promise<unknown>)[];
  #longestProbeMs = 0;
  readonly #failures: string[] = [];
  #isStopped = false;
  readonly #sampling: Promise<void>;
  readonly #probing: Promise<void>;

  constructor(
    names: readonly string[],
    { pidOf, probes }: { pidOf: (name: string) => number; probes: (() => Promise<unknown>)[] },
  ) {
    this.#names = names;
    this.#pidOf = pidOf;
    this.#pids = Object.fromEntries(names.map((name) => [name, pidOf(name)]));
    this.#probes = probes;
    for (const name of names) this.#first[name] = this.now(name);
    this.#sampling = this.#sample();
    this.#probing = this.#probe();
  }

  now(name: string): Reading {
    const reading = readingOf(this.#pids[name] ?? 0);
    if (!reading) throw new Error(`${name} has ended`);
    if (this.#pidOf(name) !== this.#pids[name]) throw new Error(`${name} was started again`);
    return reading;
  }

  /** CPU time of all processes. It is that of their event loops, whatever else the machine does. */
  get cpuMs(): number {
    return this.#names.reduce((sum, name) => sum + this.now(name).cpuMs, 0);
  }

  /** How much more each process holds than at the beginning. */
  grown(): Record<string, { descriptors: number; rssMb: number; peakMb: number }> {
    return Object.fromEntries(
      this.#names.map((name) => {
        const [first, now] = [this.#first[name], this.now(name)];
        const since = (value: number, before = 0) => value - before;
        return [
          name,
          {
            descriptors: since(now.descriptors, first?.descriptors),
            rssMb: since(now.rssMb, first?.rssMb),
            peakMb: since(this.#peakMb[name] ?? 0, first?.rssMb),
          },
        ];
      }),
    );
  }

  /** The longest that a probe waited; it tells of the event loops, and of the load of the machine too. */
  get longestProbeMs(): number {
    return Math.round(this.#longestProbeMs);
  }

  /** What probes failed with. Users would have met the same. */
  get failures(): readonly string[] {
    return this.#failures;
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await Promise.all([this.#sampling, this.#probing]);
  }

  async #sample(): Promise<void> {
    while (!this.#isStopped) {
      for (const name of this.#names)
        this.#peakMb[name] = Math.max(this.#peakMb[name] ?? 0, readingOf(this.#pids[name] ?? 0)?.rssMb ?? 0);
      await new Promise((resolve) => setTimeout(resolve, SAMPLE_MS));
    }
  }

  /** Calls each process again and again, as its users do meanwhile. */
  async #probe(): Promise<void> {
    while (!this.#isStopped) {
      for (const probe of this.#probes) {
        const begun = performance.now();
        await probe().catch((error: unknown) => this.#failures.push(String(error)));
        this.#longestProbeMs = Math.max(this.#longestProbeMs, performance.now() - begun);
      }
      await new Promise((resolve) => setTimeout(resolve, SAMPLE_MS));
    }
  }
}
