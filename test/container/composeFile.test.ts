import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { load } from 'js-yaml';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LAPTOP_DEFAULTS } from '../../src/stack/laptopDefaults.ts';
import { apiCall } from '../support/apiCall.ts';
import { eventually } from '../support/eventually.ts';

const FILE = 'examples/emulator-compose.yaml';
const PATIENCE_MS = 60_000;
const { services } = load(readFileSync(FILE, 'utf8')) as {
  services: Record<string, { image: string; command: string[]; ports: string[] }>;
};
const [service] = Object.values(services);

const docker = (...args: readonly string[]) => execFileSync('docker', args, { encoding: 'utf8' }).trim();
let container: string;
/** The port of this machine at which a port of the container is. */
const portOf = (inside: number) => docker('port', container, String(inside)).split(':').at(-1);

beforeAll(() => {
  if (!service) throw new Error(`${FILE} has no service`);
  const image = process.env.WABA_EMULATOR_IMAGE ?? service.image;
  // As compose would, but at any free ports.
  const ports = service.ports.flatMap((port) => ['-p', `127.0.0.1::${port.split(':').at(-1)}`]);
  container = docker('run', '-d', ...ports, image, ...service.command);
}, PATIENCE_MS);
afterAll(() => container && docker('rm', '-f', container));

describe('the container of the compose file', () => {
  it(
    'becomes healthy, which compose waits for, and serves page, control API and API at its ports',
    async () => {
      await eventually(
        async () => docker('inspect', '-f', '{{.State.Health.Status}}', container) === 'healthy',
        PATIENCE_MS,
      );
      const control = `http://127.0.0.1:${portOf(LAPTOP_DEFAULTS.controlPort)}`;
      const page = await fetch(control, { headers: { accept: 'text/html' } });
      expect([page.status, page.headers.get('content-type')]).toEqual([
        200,
        expect.stringMatching(/^text\/html/),
      ]);
      expect((await fetch(`${control}/control/v1/numbers`)).status).toBe(200);
      // Its certificate is made at each start, and the control port tells the CA.
      const caPem = await (await fetch(`${control}/ca.pem`)).text();
      const address = {
        host: '127.0.0.1',
        port: Number(portOf(LAPTOP_DEFAULTS.port)),
        serverName: 'localhost',
        caPem,
      };
      const answer = await apiCall(address, {
        method: 'POST',
        path: '/v1/users/login',
        headers: { authorization: `Basic ${btoa(`admin:${LAPTOP_DEFAULTS.password}`)}` },
      });
      expect(answer.status).toBe(200);
    },
    2 * PATIENCE_MS,
  );
});
