import { afterEach, describe, expect, it } from 'vitest';
import { CountedLoad, tally } from '../support/countedLoad.ts';
import { EmulatorProcesses, type ProcessesOptions } from '../support/emulatorProcesses.ts';
import { CODE, certificateFor, startReceiver } from '../support/emulatorStack.ts';
import { eventually } from '../support/eventually.ts';
import { testMariadb } from '../support/testMariadb.ts';

const never = new AbortController().signal;
/** `npm run soak` raises both. */
const PER_SECOND = Number(process.env.SURVIVAL_PER_SECOND ?? 40);
const ROUNDS = Number(process.env.SURVIVAL_ROUNDS ?? 1);
const PASSWORD = 'Passw0rd!-test';
const NUMBER = '16315557000';
const PEOPLE = Array.from({ length: 20 }, (_, index) => `1650557${String(index).padStart(4, '0')}`);

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
}, 60_000);

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** A registered stack of processes under load, whose callbacks come to a receiver. */
async function loadedStack(
  nodes: readonly string[],
  options: ProcessesOptions = {},
  own?: Awaited<ReturnType<typeof startReceiver>>,
) {
  const receiver = own ?? (await startReceiver());
  closers.push(receiver.close);
  const processes = await EmulatorProcesses.start(nodes, options);
  closers.push(() => processes.close());
  const client = await processes.client();
  const session = await eventually(() =>
    client.users.login('admin', 'secret', { newPassword: PASSWORD }, never),
  );
  const request = {
    cc: '1',
    phone_number: NUMBER.slice(1),
    method: 'sms',
    cert: certificateFor(NUMBER),
  } as const;
  await eventually(() => client.account.requestCode(session, request, never), 60_000);
  await client.account.verify(session, CODE, never);
  await client.certificates.setWebhookCa(session, receiver.caPem, never);
  await client.settings.patchApplication(
    session,
    {
      webhooks: { url: receiver.url, message: { sent: true } },
      callback_backoff_delay_ms: 100,
      heartbeat_interval: 1,
      unhealthy_interval: 4,
    },
    never,
  );
  // The CA takes effect with a restart.
  for (const name of nodes.filter((node) => node.startsWith('coreapp'))) await processes.restart(name);
  for (const from of PEOPLE)
    await eventually(
      async () =>
        (await processes.simulate('POST', `/numbers/${NUMBER}/messages`, { from, text: 'Hi' })).status ===
        201,
    );
  const load = new CountedLoad(
    (index) => client.messages.sendText(session, PEOPLE[index % PEOPLE.length] ?? '', `text ${index}`, never),
    PER_SECOND,
  );
  const flows = async () => {
    const before = load.accepted.length;
    await eventually(() => load.accepted.length > before + 20, 60_000);
  };
  await flows();
  /** Stops the load and waits until everything was told. */
  const settled = async () => {
    await load.stop();
    const told = () => tally(receiver.received, load.accepted);
    await eventually(() => told().lost.length === 0, 120_000).catch(() => {});
    const { lost, repeated, disordered } = told();
    process.stderr.write(
      `${nodes.length} nodes, ${PER_SECOND}/s: ${load.accepted.length} accepted, ${load.refused} refused, ${lost.length} lost, ${repeated} repeated, ${disordered.length} disordered, ended: ${processes.ended.join(', ') || 'none'}\n`,
    );
    return { lost, repeated, disordered, ended: processes.ended };
  };
  const setWebhook = (url: string) => client.settings.patchApplication(session, { webhooks: { url } }, never);
  return { processes, load, flows, settled, receiver, setWebhook };
}

const WELL = { lost: [], disordered: [], ended: [] };

describe('a stack under load', { timeout: 240_000 + ROUNDS * 120_000 }, () => {
  it('tells each status once and in order while nothing fails', async () => {
    const { settled } = await loadedStack(['coreapp-0'], { isSingle: true });
    await pause(5_000 * ROUNDS);
    expect(await settled()).toEqual({ ...WELL, repeated: 0 });
  });

  it('outlives restarts and crashes of PostgreSQL without help', async () => {
    const { processes, flows, settled } = await loadedStack(['coreapp-0'], { isSingle: true });
    for (let round = 0; round < ROUNDS; round++)
      for (const signal of ['SIGINT', 'SIGKILL'] as const) {
        await processes.restartDatabase(signal);
        await flows();
      }
    expect(await settled()).toMatchObject(WELL);
  });

  it('outlives restarts and crashes of MariaDB without help', async () => {
    const database = await testMariadb();
    closers.push(database.close);
    const { flows, settled } = await loadedStack(['coreapp-0'], { isSingle: true, database });
    for (let round = 0; round < ROUNDS; round++)
      for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
        await database.restart(signal);
        await flows();
      }
    expect(await settled()).toMatchObject(WELL);
  });

  it('outlives a read-only database, and a jump of its clock', async () => {
    const { processes, flows, settled } = await loadedStack(['coreapp-0'], { isSingle: true });
    const readOnly = (is: 'on' | 'off') =>
      processes.sql(
        'postgres',
        `ALTER SYSTEM SET default_transaction_read_only = ${is}`,
        'SELECT pg_reload_conf()',
      );
    for (let round = 0; round < ROUNDS; round++) {
      await readOnly('on');
      await pause(5_000);
      await readOnly('off');
      await flows();
      // What a clock that jumps ahead by two days, and back by one, makes of the times of callbacks that wait.
      for (const by of ['-2 days', '1 day'])
        await processes.sql(
          'messageStore',
          `UPDATE callbacks SET created_at = created_at + interval '${by}', next_at = next_at + interval '${by}'`,
        );
      await flows();
    }
    expect(await settled()).toMatchObject({ ...WELL, repeated: 0 });
  });

  it('outlives a webhook that drips, floods or upgrades, and one whose name is gone', async () => {
    const ways = ['drip', 'flood', 'upgrade', 500] as const;
    let rude = 0;
    const isRude = () => rude > 0 && rude-- > 0;
    const receiver = await startReceiver(() => (isRude() ? (ways[rude % ways.length] ?? 500) : 200));
    const { setWebhook, flows, settled } = await loadedStack(['coreapp-0'], { isSingle: true }, receiver);
    for (let round = 0; round < ROUNDS; round++) {
      rude = 24;
      await eventually(() => rude === 0, 120_000);
      await flows();
      await setWebhook('https://receiver.invalid/');
      await pause(3_000);
      await setWebhook(receiver.url);
      await flows();
    }
    expect(await settled()).toEqual({ ...WELL, repeated: 0 });
  });

  it('loses nothing when its processes are killed or stand still', async () => {
    const { processes, flows, settled } = await loadedStack(['master-0', 'coreapp-0', 'coreapp-1']);
    const victims = ['network', 'coreapp-0', 'coreapp-1', 'webapp-0', 'master-0'];
    for (let round = 0; round < ROUNDS; round++) {
      for (const victim of victims) {
        await processes.kill(victim);
        await flows();
      }
      for (const victim of victims) {
        processes.signal(victim, 'SIGSTOP');
        await pause(6_000);
        processes.signal(victim, 'SIGCONT');
        await flows();
      }
    }
    expect(await settled()).toMatchObject(WELL);
  });

  it('loses nothing on a full disk of the network, and goes on when there is room', async () => {
    const { processes, load, flows, settled } = await loadedStack(['coreapp-0'], { isSingle: true });
    for (let round = 0; round < ROUNDS; round++) {
      await processes.fillDisk(true);
      await pause(5_000);
      const { status } = await processes.simulate('POST', `/numbers/${NUMBER}/messages`, {
        from: PEOPLE[0],
        text: 'Hi',
      });
      expect(status).toBe(500);
      await processes.fillDisk(false);
      await flows();
      // A restart while it is full reads what was there, and nothing of a write that was not finished.
      await processes.fillDisk(true);
      await pause(100);
      await processes.kill('network');
      await pause(2_000);
      await processes.fillDisk(false);
      await flows();
    }
    expect(load.accepted.length).toBeGreaterThan(0);
    expect(await settled()).toMatchObject(WELL);
  });
});
