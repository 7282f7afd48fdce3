import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { silentLogger } from '../../src/base/logger.ts';
import { freePort } from '../../src/base/ports.ts';
import { StackClient } from '../../src/client/stackClient.ts';
import { HttpsStackTransport } from '../../src/client/stackTransport.ts';
import { EmulatorControl } from '../../src/control/index.ts';
import { startLaptop } from '../../src/stack/laptop.ts';
import { LAPTOP_DEFAULTS } from '../../src/stack/laptopDefaults.ts';
import { eventually } from '../support/eventually.ts';
import { startPlainReceiver } from '../support/plainReceiver.ts';

const ANA = '16505551234';
const never = new AbortController().signal;

it('a laptop that rehearses tells what the calls and callbacks of an application become', async () => {
  const receiver = await startPlainReceiver();
  const laptop = await startLaptop(
    {
      port: await freePort(),
      phoneNumber: LAPTOP_DEFAULTS.phoneNumber,
      webhook: { url: receiver.url },
      graph: { mode: 'both', port: 0 },
      rehearsal: true,
      clock: systemClock,
      logger: silentLogger,
    },
    never,
  );
  try {
    const ca = await readFile(laptop.caFile, 'utf8');
    const { hostname, port } = new URL(laptop.url);
    const transport = new HttpsStackTransport({
      host: hostname,
      port: Number(port),
      serverName: hostname,
      ca,
    });
    const client = new StackClient(transport);
    const session = await client.users.login(laptop.username, laptop.password, {}, never);
    const control = new EmulatorControl({ url: laptop.controlUrl });
    await control.write(LAPTOP_DEFAULTS.phoneNumber.slice(1), { from: ANA, text: 'Hi' }, never);
    await client.messages.send(session, { to: ANA, type: 'text', text: { body: 'Hello' } }, never);
    const wanted = ['POST /v1/users/login', 'message text', 'POST /v1/messages text', 'status read'];
    const { findings } = await eventually(async () => {
      const report = await control.rehearsal(never);
      const names = report.findings.map(({ name }) => name);
      return wanted.every((name) => names.includes(name)) ? report : undefined;
    });
    const verdicts = Object.fromEntries(findings.map(({ name, verdict }) => [name, verdict]));
    expect(verdicts).toMatchObject({
      'POST /v1/users/login': 'no-counterpart',
      'message text': 'ready',
      'POST /v1/messages text': 'ready',
      'status read': 'differs',
    });
    const [login] = await control.rehearsalEvents({ verdict: 'no-counterpart' }, never);
    // Its body holds a password, and its answer a token.
    expect(login?.v1).toEqual({ line: 'POST /v1/users/login', status: 200 });
  } finally {
    await laptop.close();
    await receiver.close();
  }
});
