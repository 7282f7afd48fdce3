import { describe, expect, it } from 'vitest';
import { silentLogger } from '../../base/logger.ts';
import { VirtualClock } from '../../base/virtualClock.ts';
import { SimulatedApiServer } from '../simulation/simulatedApiServer.ts';
import { type Fault, SimulatedTransport } from '../simulation/simulatedTransport.ts';
import { KubeClient } from './client.ts';
import { type KubeObject, kinds } from './kubeObject.ts';
import { LEASE, LeaderElection } from './leaderElection.ts';

const never = new AbortController().signal;

const setup = () => {
  const clock = new VirtualClock(1_000_000);
  const server = new SimulatedApiServer({ clock });
  let wallOffsetMs = 0;
  const fault: { current: Fault } = { current: {} };
  const election = (identity: string, isShared = () => false) =>
    new LeaderElection({
      isShared,
      client: new KubeClient(new SimulatedTransport({ server, clock, fault: () => fault.current })),
      namespace: 'default',
      name: 'lease',
      identity,
      clock: {
        now: () => clock.now() + wallOffsetMs,
        monotonic: () => clock.monotonic(),
        after: (delayMs, callback) => clock.after(delayMs, callback),
      },
      random: () => 0.5,
      logger: silentLogger,
    });
  return {
    clock,
    client: new KubeClient(new SimulatedTransport({ server, clock })),
    election,
    fault,
    stepWall: (byMs: number) => {
      wallOffsetMs += byMs;
    },
  };
};

async function acquire(election: LeaderElection, clock: VirtualClock): Promise<void> {
  const acquired = election.acquire(never);
  await clock.advance(0);
  await acquired;
}

/** Works until its term ends; tells when. */
const leadUntilLost = (election: LeaderElection, clock: VirtualClock) => {
  const ended: { atMs?: number } = {};
  const leading = election.lead(
    (term) =>
      new Promise((resolve) => {
        term.addEventListener('abort', () => {
          ended.atMs = clock.now();
          resolve();
        });
      }),
  );
  return { ended, leading };
};

describe('leader election', () => {
  it('keeps the lease as long as it can be renewed', async () => {
    const { clock, election } = setup();
    const [first, second] = [election('first'), election('second')];
    await acquire(first, clock);
    const { ended } = leadUntilLost(first, clock);
    void second.acquire(never);
    await clock.advance(600_000);
    expect([first.isLeader, second.isLeader]).toEqual([true, false]);
    expect(ended.atMs).toBeUndefined();
  });

  it('ends the term at the very deadline, though an answer never comes', async () => {
    const { clock, election, fault } = setup();
    const first = election('first');
    await acquire(first, clock);
    const { ended, leading } = leadUntilLost(first, clock);
    const renewedAt = clock.now();
    fault.current = { delayMs: 3_600_000 };
    await clock.advance(LEASE.renewDeadlineMs - 1);
    expect(ended.atMs).toBeUndefined();
    await clock.advance(1);
    expect(ended.atMs).toBe(renewedAt + LEASE.renewDeadlineMs);
    await clock.advance(0);
    expect(await leading).toBe(false);
    expect(() => first.assertLeader()).toThrow(/nothing is written/);
  });

  it('may be held by several of one name, of which each renews it', async () => {
    const { clock, election, fault } = setup();
    const [first, second] = [election('both'), election('both')];
    await acquire(first, clock);
    await acquire(second, clock);
    const [one, other] = [leadUntilLost(first, clock), leadUntilLost(second, clock)];
    // Both read the lease before either writes, so one of the two always meets a conflict.
    fault.current = { delayMs: 200 };
    await clock.advance(120_000);
    expect([first.isLeader, second.isLeader]).toEqual([true, true]);
    expect([one.ended.atMs, other.ended.atMs]).toEqual([undefined, undefined]);
  });

  it('lets another one in only after the whole duration, by its own clock', async () => {
    const { clock, election, fault } = setup();
    const [first, second] = [election('first'), election('second')];
    await acquire(first, clock);
    // It renews no more, as if it had been killed.
    let wonAt: number | undefined;
    void second.acquire(never).then(() => {
      wonAt = clock.now();
    });
    await clock.advance(LEASE.durationMs);
    expect(wonAt).toBeUndefined();
    await clock.advance(2 * LEASE.retryMs);
    expect(wonAt).toBeDefined();
    expect(fault.current).toEqual({});
  });

  it('hands over at once when it is done', async () => {
    const { clock, election } = setup();
    const [first, second] = [election('first'), election('second')];
    await acquire(first, clock);
    const kept = first.lead(async () => {});
    void second.acquire(never);
    await clock.advance(2 * LEASE.retryMs);
    expect(await kept).toBe(true);
    expect([first.isLeader, second.isLeader]).toEqual([false, true]);
  });

  it.each([
    ['gives the lease back when it is stopped while it takes it', false, ''],
    ['leaves the lease to others of its name when it is stopped while it takes it', true, 'first'],
  ])('%s', async (_, isShared, holder) => {
    const { clock, client, election, fault } = setup();
    const first = election('first', () => isShared);
    // The server has written the Lease, and its answer is under way.
    fault.current = { answerDelayMs: 1_000 };
    const stop = new AbortController();
    const acquired = first.acquire(stop.signal).catch(() => 'stopped');
    const holderNow = async () => {
      type Lease = KubeObject & { spec: { holderIdentity: string } };
      const lease = client.get<Lease>(kinds.Lease, 'default', 'lease', never);
      await clock.advance(0);
      return (await lease).spec.holderIdentity;
    };
    await clock.advance(500);
    expect(await holderNow()).toBe('first');
    stop.abort();
    fault.current = {};
    await clock.advance(100);
    expect(await acquired).toBe('stopped');
    expect(await holderNow()).toBe(holder);
  });

  it('keeps the labels of a Lease that somebody else has made', async () => {
    const { clock, election, client } = setup();
    const metadata = {
      name: 'lease',
      namespace: 'default',
      labels: { 'app.kubernetes.io/managed-by': 'Helm' },
    };
    const made = client.create(
      { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata, spec: {} },
      { fieldManager: 'helm' },
      never,
    );
    await clock.advance(0);
    await made;
    await acquire(election('first'), clock);
    const read = client.get(kinds.Lease, 'default', 'lease', never);
    await clock.advance(0);
    expect(await read).toMatchObject({ metadata, spec: { holderIdentity: 'first' } });
  });

  it('does not make a Lease anew that somebody deleted before its holder has stopped', async () => {
    const { clock, election, client } = setup();
    const [first, second] = [election('first'), election('second')];
    await acquire(first, clock);
    const { ended } = leadUntilLost(first, clock);
    let wonAt: number | undefined;
    void second.acquire(never).then(() => {
      wonAt = clock.now();
    });
    await clock.advance(LEASE.retryMs * 2);
    const deleted = client.delete(kinds.Lease, 'default', 'lease', {}, never);
    await clock.advance(0);
    await deleted;
    await clock.advance(LEASE.renewDeadlineMs);
    expect([ended.atMs === undefined, wonAt]).toEqual([false, undefined]);
    await clock.advance(LEASE.durationMs);
    expect(wonAt).toBeGreaterThan(ended.atMs ?? Number.POSITIVE_INFINITY);
  });

  it.each([
    ['forward', 3_600_000, false],
    // The monotonic clock still counts, so that a term never grows longer.
    ['back', -3_600_000, true],
  ])('does not trust a wall clock that is set %s', async (_, step, stillLeader) => {
    const { clock, election, stepWall, fault } = setup();
    const first = election('first');
    await acquire(first, clock);
    stepWall(step);
    expect(first.isLeader).toBe(stillLeader);
    fault.current = { outcome: 'lost' };
    await clock.advance(LEASE.renewDeadlineMs);
    expect(first.isLeader).toBe(false);
  });
});
