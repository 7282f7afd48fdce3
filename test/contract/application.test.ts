import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { seeded } from '../../src/base/seeded.ts';
import type { StackRequest } from '../../src/client/stackTransport.ts';
import { type CertificateSecret, certificateSecret, type Declared } from '../support/declared.ts';
import type { TestDatabase } from '../support/emulatorStack.ts';
import type { CallFault } from '../support/faultyTransport.ts';
import { type Faults, type JournalFault, OperatedStack } from '../support/operatedStack.ts';
import { testDatabase } from '../support/testDatabase.ts';

/** Stacks per topology. Each registers and then changes `CHANGES` times, all under faults; the soak runs more. */
const STACKS = Number(process.env.APPLICATION_STACKS ?? 2);
const CHANGES = Number(process.env.APPLICATION_CHANGES ?? 6);
const SEED = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31));
/** Passes under faults after each change; each starts where the one before was interrupted. */
const PASSES = 10;
const ODDS = { read: 0.08, write: 0.35, journal: 0.05, drift: 0.4 } as const;

const CALL_FAULTS: readonly CallFault[] = [
  { cut: 'before' },
  { cut: 'after' },
  { crash: 'before' },
  { crash: 'after' },
  { code: 1011 },
  { code: 1014 },
  { code: 1015 },
  { code: 1017 },
  { code: 1018 },
  { status: 429 },
  { status: 502 },
  { delayMs: 30 },
];
const JOURNAL_FAULTS: readonly JournalFault[] = ['crash-before', 'crash-after', 'conflict'];

type Random = () => number;
const pick = <T>(random: Random, from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;

/** A random declaration. */
const anyDeclared = (random: Random, isSingle: boolean): Declared => ({
  settings: {
    heartbeatInterval: 1 + Math.floor(random() * 5),
    callbackPersist: random() < 0.5,
    webhooks: { maxConcurrentRequests: pick(random, [6, 12, 24]) },
  },
  about: pick(random, ['Open', 'Closed', 'Open again']),
  description: pick(random, ['Shoes', 'Boots', 'Sandals']),
  entityName: pick(random, ['Shoes Partners', 'Boots Partners']),
  photo: pick(random, ['front', 'back']),
  providerToken: random() < 0.4 ? undefined : `Planted-token-${Math.floor(random() * 3)}`,
  adminPassword: `Planted-admin-${Math.floor(random() * 3)}`,
  agentPassword: random() < 0.3 ? undefined : `Planted-agent-${Math.floor(random() * 3)}`,
  pin: random() < 0.4 ? undefined : `86420${Math.floor(random() * 10)}`,
  certificate: pick(random, certificates),
  shards: isSingle ? 1 : pick(random, [1, 2]),
});

/** Random faults, counted by the call that they hit. */
class Chaos implements Faults {
  readonly #random: Random;
  readonly counts = new Map<string, number>();

  constructor(random: Random) {
    this.#random = random;
  }

  call(request: StackRequest): CallFault | undefined {
    if (this.#random() >= (request.method === 'GET' ? ODDS.read : ODDS.write)) return undefined;
    const fault = pick(this.#random, CALL_FAULTS);
    this.#count(`${request.method} ${request.path.replace(/\?.*/, '')}`);
    return fault;
  }

  journal(): JournalFault | undefined {
    if (this.#random() >= ODDS.journal) return undefined;
    const fault = pick(this.#random, JOURNAL_FAULTS);
    this.#count('journal');
    return fault;
  }

  #count(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
  }
}

let database: TestDatabase;
let certificates: CertificateSecret[] = [];
beforeAll(async () => {
  certificates = await Promise.all(['first', 'second'].map((name) => certificateSecret(name)));
  database = await testDatabase();
});
afterAll(() => database?.close());

/** Another client changes the stack behind the operator's back. */
const causeDrift = (operated: OperatedStack, random: Random) =>
  operated.asOtherClient(async (client, session) => {
    const signal = new AbortController().signal;
    await client.settings.patchApplication(
      session,
      { callback_persist: random() < 0.5, heartbeat_interval: 9 },
      signal,
    );
    await client.certificates.setWebhookCa(session, undefined, signal);
  });

/** Runs one new stack through all its changes. @returns the faults that it met */
async function live(topology: 'Single' | 'HighAvailability', seed: number): Promise<Chaos> {
  const random = seeded(seed);
  const isSingle = topology === 'Single';
  const chaos = new Chaos(random);
  const operated = await OperatedStack.start(
    database,
    `${isSingle ? 's' : 'h'}${seed}_`,
    topology,
    anyDeclared(random, isSingle),
  );
  try {
    for (let change = 0; change <= CHANGES; change++) {
      for (let pass = 0; pass < PASSES; pass++) await operated.pass(chaos);
      await operated.settle();
      expect(await operated.violations(), `seed ${seed}, change ${change}`).toEqual([]);
      if (random() < ODDS.drift) await causeDrift(operated, random);
      operated.declared = anyDeclared(random, isSingle);
    }
  } catch (error) {
    throw new Error(`seed ${seed}: ${error}`, { cause: error });
  } finally {
    await operated.close();
  }
  return chaos;
}

describe('a certificate of the Webapps that expired while nobody renewed it', () => {
  it('is replaced by a good one in the Secret, without a hand on the stack', async () => {
    const random = seeded(SEED);
    const declared = anyDeclared(random, true);
    const operated = await OperatedStack.start(database, `e${SEED % 1000}_`, 'Single', declared);
    try {
      await operated.settle();
      const expired = await certificateSecret('expired', -1);
      operated.declared = { ...declared, certificate: expired };
      await operated.withExpired(expired);
      await operated.pass();
      expect(operated.verdicts.get('ApiReachable')).toMatchObject({ status: 'True' });
      operated.declared = { ...declared, certificate: await certificateSecret('renewed') };
      await operated.settle();
      expect(await operated.violations()).toEqual([]);
    } finally {
      await operated.close();
    }
  }, 120_000);
});

// Side by side, because both mostly wait: for ticks, restarts and faults.
describe.concurrent('the application layer under faults at its calls and its journal', () => {
  for (const topology of ['Single', 'HighAvailability'] as const)
    it(`registers once and ends as declared, with ${STACKS} stacks of ${CHANGES} changes, topology ${topology} (seed ${SEED})`, {
      timeout: 60_000 + STACKS * (CHANGES + 1) * 30_000,
    }, async () => {
      const random = seeded(SEED);
      const met = new Map<string, number>();
      for (let index = 0; index < STACKS; index++) {
        const chaos = await live(topology, Math.floor(random() * 2 ** 31));
        for (const [what, count] of chaos.counts) met.set(what, (met.get(what) ?? 0) + count);
      }
      const faults = [...met.values()].reduce((sum, count) => sum + count, 0);
      const each = [...met].sort().map(([what, count]) => `${what} ${count}`);
      process.stdout.write(
        `${topology}: ${STACKS} stacks, ${STACKS * (CHANGES + 1) * PASSES} schedules, ${faults} faults, seed ${SEED}\n  ${each.join(', ')}\n`,
      );
      expect(faults).toBeGreaterThan(STACKS * CHANGES);
    });
});
