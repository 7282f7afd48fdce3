import { resolve } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePort } from '../../src/base/ports.ts';
import type { RehearsalReport } from '../../src/control/index.ts';
import { ANA, BuiltEmulator, NUMBER } from '../support/builtEmulator.ts';
import { eventually } from '../support/eventually.ts';

const PASSWORD = 'Passw0rd!-rehearsal';
const never = new AbortController().signal;

let emulator: BuiltEmulator;
const rehearse = (...args: readonly string[]) =>
  execa(process.execPath, [resolve('dist/emulator.js'), 'rehearse', ...args], { reject: false });
const report = (...args: readonly string[]) => rehearse('report', '--url', emulator.controlUrl, ...args);
const post = async (path: string, authorization: string, body: object) => {
  const response = await fetch(`${emulator.url}/v1/${path}`, {
    method: 'POST',
    headers: { authorization, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  return (await response.json()) as { users: [{ token: string }] };
};

beforeAll(async () => {
  const graphPort = String(await freePort());
  emulator = await BuiltEmulator.start(
    'rehearse',
    '--tls',
    'off',
    '--password',
    PASSWORD,
    '--graph-port',
    graphPort,
  );
});
afterAll(() => emulator.stop());

describe('waba-emulator rehearse, as a process', () => {
  it('reports nothing before anything was called, which is not ready', async () => {
    const { exitCode, stdout } = await report('--exit-code', '-o', 'json');
    expect((JSON.parse(stdout) as RehearsalReport).findings).toEqual([]);
    expect(exitCode).toBe(3);
  });

  it('reports what an application of /v1 did, in every format', async () => {
    const basic = `Basic ${Buffer.from(`admin:${PASSWORD}`).toString('base64')}`;
    const { users } = await post('users/login', basic, {});
    await emulator.control.write(NUMBER, { from: ANA, text: 'Hi' }, never);
    await post('messages', `Bearer ${users[0].token}`, { to: ANA, type: 'text', text: { body: 'Hello' } });
    const findings = await eventually(async () => {
      const { stdout } = await report('-o', 'json');
      const seen = (JSON.parse(stdout) as RehearsalReport).findings;
      return seen.some(({ name }) => name === 'POST /v1/messages text') ? seen : undefined;
    });
    expect(findings.find(({ name }) => name === 'POST /v1/users/login')?.verdict).toBe('no-counterpart');
    for (const format of ['text', 'markdown', 'yaml']) {
      const { exitCode, stdout } = await report('--exit-code', '-o', format);
      expect(stdout, format).toContain('POST /v1/messages text');
      expect(exitCode, format).toBe(3);
    }
    expect((await report()).exitCode).toBe(0);
  });

  it('says how to start it where no emulator answers', async () => {
    const url = `http://127.0.0.1:${await freePort()}`;
    const { exitCode, stderr } = await rehearse('report', '--url', url);
    expect(stderr).toContain(
      `error: no emulator answers at ${url}: start it with \`waba-emulator rehearse\`, or name another one with --url`,
    );
    expect(exitCode).toBe(1);
  });

  it('does not start without one of the two APIs', async () => {
    const { exitCode, stderr } = await rehearse('--graph', 'off');
    expect(stderr).toContain('--graph off: a rehearsal needs the simulated Cloud API; use --graph both');
    expect(exitCode).toBe(1);
  });
});
