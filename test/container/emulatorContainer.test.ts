import { execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startEmulator } from '../../src/testcontainers/emulatorContainer.ts';
import { apiCall } from '../support/apiCall.ts';

const PERSON = '16505551234';
/** Not a dependency of ours: its packages build native code when they are installed. */
const TESTCONTAINERS = 'testcontainers@11.7.2';

type Startable = Parameters<typeof startEmulator>[0];
let folder: string;
let emulator: Awaited<ReturnType<typeof startEmulator>>;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'waba-test-'));
  execFileSync('npm', ['install', '--no-audit', '--no-fund', '--ignore-scripts', TESTCONTAINERS], {
    cwd: folder,
    stdio: 'ignore',
  });
  const { GenericContainer } = createRequire(join(folder, 'package.json'))('testcontainers') as {
    GenericContainer: new (image: string) => Startable;
  };
  emulator = await startEmulator(
    new GenericContainer(process.env.WABA_EMULATOR_IMAGE ?? 'waba-emulator:latest'),
    { number: '+4915112345678', seed: { people: [{ waId: PERSON, name: 'Ana' }] } },
  );
}, 300_000);
afterAll(async () => {
  await emulator?.stop();
  await rm(folder, { recursive: true, force: true });
});

describe('the emulator in a container of Testcontainers', () => {
  it('serves the API by HTTPS, and obeys its control client', async () => {
    const { control, number, username, password } = emulator;
    expect(number).toBe('4915112345678');
    const { hostname: host, port } = new URL(emulator.url);
    const address = { host, port: Number(port), serverName: 'localhost', caPem: await emulator.caPem() };
    const login = await apiCall(address, {
      method: 'POST',
      path: '/v1/users/login',
      headers: { authorization: `Basic ${btoa(`${username}:${password}`)}` },
    });
    expect(login.status).toBe(200);
    const id = await control.write(number, { from: PERSON, text: 'Hi' });
    const { body } = await control.expectCallback({ messages: [{ id }] });
    expect(body).toMatchObject({ contacts: [{ profile: { name: 'Ana' } }] });
  });
});
