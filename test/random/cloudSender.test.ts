import { describe, expect, it } from 'vitest';
import { sleep } from '../../src/base/clock.ts';
import { silentLogger } from '../../src/base/logger.ts';
import { seeded } from '../../src/base/seeded.ts';
import { VirtualClock } from '../../src/base/virtualClock.ts';
import type { GraphMessage } from '../../src/cloud/graphMessage.ts';
import { messageId } from '../../src/onprem/messages.ts';
import { CloudIntake } from '../../src/stack/cloud/cloudIntake.ts';
import { CloudSender } from '../../src/stack/cloud/cloudSender.ts';
import { type CloudEntry, CloudState } from '../../src/stack/cloud/cloudState.ts';
import { GraphRefusal, GraphUnknown, GraphUnreachable } from '../../src/stack/cloud/graphClient.ts';

/**
 * Random schedules of a gateway: Graph accepts, refuses, answers late or not at all, repeats and reorders statuses; the disk
 * refuses; and the gateway dies between any two steps. Everything that happened must be in the journal of the next one.
 */

const SCHEDULES = Number(process.env.CLOUD_SCHEDULES ?? 500);
const SEED = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31));
const UNKNOWN_OUTCOME_MS = 60_000;
const DAY_MS = 86_400_000;

class Schedule {
  readonly clock = new VirtualClock(1_700_000_000_000);
  readonly #random: () => number;
  /** What is on the disk. */
  readonly #disk: CloudEntry[] = [];
  /** By On-Premises id: how often Graph has the message. */
  readonly accepted = new Map<string, number>();
  readonly refused = new Set<string>();
  #life = new AbortController();
  #sender!: CloudSender;
  #intake!: CloudIntake;
  state = new CloudState();
  /** Whether Graph still misbehaves. */
  isUnkind = true;
  #wamids = 0;

  constructor(seed: number) {
    this.#random = seeded(seed);
    this.restart();
  }

  chance(share: number): boolean {
    return this.isUnkind && this.#random() < share;
  }

  upTo(most: number): number {
    return Math.floor(this.#random() * most);
  }

  /** The gateway dies, and another one starts from what is on the disk. */
  restart(): void {
    this.#life.abort(new Error('killed'));
    this.#life = new AbortController();
    const { signal } = this.#life;
    const state = new CloudState();
    for (const entry of this.#disk) state.apply(entry);
    this.state = state;
    let nextEventId = state.nextEventId;
    const record = async (...entries: CloudEntry[]) => {
      await sleep(this.clock, this.upTo(20), signal);
      if (this.chance(0.05)) throw new Error('ENOSPC');
      this.#disk.push(...entries);
      // It dies after the disk has it, and before anybody knows.
      if (this.chance(0.02)) return new Promise<void>(() => {});
      for (const entry of entries) state.apply(entry);
    };
    const event = (
      body: Extract<CloudEntry, { type: 'event' }>['event']['body'],
      key: string,
    ): CloudEntry => ({
      type: 'event',
      key,
      event: { eventId: nextEventId++, body },
    });
    this.#sender = new CloudSender({
      state,
      record,
      event,
      onEvents: () => {},
      onAliases: () => {},
      graph: { send: (message, ends) => this.#graph(message, ends) },
      upload: async () => 'media',
      throughput: 80,
      metrics: { paced: () => {} },
      unknownOutcomeMs: UNKNOWN_OUTCOME_MS,
      clock: this.clock,
      logger: silentLogger,
      signal,
    });
    this.#intake = new CloudIntake({
      state,
      record,
      event,
      onEvents: () => {},
      onMedia: () => {},
      onAccepted: () => {},
      contactRequest: '',
      identity: 'Omit',
      metrics: { billed: () => {}, lagged: () => {} },
      clock: this.clock,
    });
    this.#sender.resume();
  }

  /** The stack hands a message over until that is confirmed. */
  async handOver(id: string, to: string): Promise<void> {
    for (;;) {
      const { signal } = this.#life;
      const gone = new Promise<never>((_, reject) =>
        signal.addEventListener('abort', () => reject(new Error('gone')), { once: true }),
      );
      gone.catch(() => {});
      try {
        const given = this.#sender.accept({
          id,
          to,
          type: 'text',
          body: { text: { body: 'Hi' } },
          media: [],
        });
        given.catch(() => {});
        return await Promise.race([given, gone]);
      } catch {
        await sleep(this.clock, 500, new AbortController().signal);
      }
    }
  }

  async #graph(message: GraphMessage, signal: AbortSignal) {
    const id = message.biz_opaque_callback_data;
    await sleep(this.clock, this.upTo(300), signal);
    if (this.chance(0.05)) throw new GraphUnreachable(new Error('ECONNREFUSED'));
    if (this.chance(0.05)) throw new GraphUnknown('reset before it arrived');
    if (this.chance(0.1)) throw new GraphRefusal({ code: [131056, 130429, 131016, 4][this.upTo(4)] ?? 4 });
    if (this.chance(0.05)) {
      this.refused.add(id);
      throw new GraphRefusal({ code: 131026 });
    }
    this.#wamids += 1;
    const wamid = `wamid.${this.#wamids}`;
    this.accepted.set(id, (this.accepted.get(id) ?? 0) + 1);
    for (const status of ['sent', 'delivered', 'read']) void this.#tell(wamid, message, status);
    if (this.chance(0.15)) throw new GraphUnknown('reset after it arrived');
    await sleep(this.clock, this.upTo(300), signal);
    return { wamid, waId: undefined, userId: undefined };
  }

  /** A webhook comes in time, in any order, and again until it is taken. */
  async #tell(wamid: string, { to, biz_opaque_callback_data }: GraphMessage, status: string): Promise<void> {
    const never = new AbortController().signal;
    const value = {
      statuses: [{ id: wamid, status, timestamp: '1', recipient_id: to?.slice(1), biz_opaque_callback_data }],
    };
    await sleep(this.clock, this.upTo(UNKNOWN_OUTCOME_MS / 4), never);
    for (let times = this.chance(0.2) ? 2 : 1; times > 0; ) {
      const lost = sleep(this.clock, 1_000, never).then(() => false);
      const taken = this.#intake.take([value]).then(
        () => true,
        () => false,
      );
      if (await Promise.race([taken, lost])) times -= 1;
      else await sleep(this.clock, 500, never);
    }
  }

  /** Events of a message that the stack was told, in their order. */
  told(id: string): string[] {
    return this.state.events.flatMap(({ body }) =>
      body.kind === 'status' && body.messageId === id ? [body.status] : [],
    );
  }

  end(): void {
    this.#life.abort(new Error('the end'));
  }
}

async function run(seed: number): Promise<string[]> {
  const schedule = new Schedule(seed);
  const count = 3 + schedule.upTo(10);
  const messages = Array.from({ length: count }, (_, index) => {
    const to = `1650555000${schedule.upTo(3)}`;
    const key = Buffer.alloc(9);
    key.writeUInt32BE(index + 1);
    return { to, id: messageId('outbound', to, () => key) };
  });
  for (const { id, to } of messages) {
    void schedule.handOver(id, to);
    // A stack that had no answer sends again while the first call is still under way.
    if (schedule.chance(0.2)) void schedule.handOver(id, to);
    await schedule.clock.advance(schedule.upTo(2_000));
    if (schedule.chance(0.3)) schedule.restart();
  }
  for (let kills = schedule.upTo(4); kills > 0; kills--) {
    await schedule.clock.advance(schedule.upTo(UNKNOWN_OUTCOME_MS));
    schedule.restart();
  }
  // One that hangs on its disk would be restarted too.
  schedule.isUnkind = false;
  schedule.restart();
  await schedule.clock.advance(DAY_MS);
  const problems = messages.flatMap(({ id }, index) => {
    const times = schedule.accepted.get(id) ?? 0;
    const told = schedule.told(id);
    const found: string[] = [];
    if (times > 1) found.push(`message ${index} reached the person ${times} times`);
    if (times === 0 && !schedule.refused.has(id)) found.push(`message ${index} is lost`);
    const expected = times === 0 ? ['failed'] : ['delivered', 'read', 'sent'];
    if ([...told].sort().join() !== expected.join())
      found.push(`message ${index} was told ${told.join() || 'nothing'}`);
    return found;
  });
  if (schedule.state.queued.size > 0) problems.push(`${schedule.state.queued.size} messages still wait`);
  schedule.end();
  return problems;
}

describe(`the gateway to the Cloud API in random schedules (SEED=${SEED})`, () => {
  it(`posts each message once, and tells each status once, in ${SCHEDULES} of them`, async () => {
    for (let index = 0; index < SCHEDULES; index++) {
      const problems = await run(SEED + index);
      expect(problems, `SEED=${SEED + index} CLOUD_SCHEDULES=1`).toEqual([]);
    }
  });
});
