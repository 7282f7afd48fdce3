import { readFileSync } from 'node:fs';
import { load } from 'js-yaml';
import { describe, expect, it } from 'vitest';
import { LAPTOP_DEFAULTS } from '../../src/stack/laptopDefaults.ts';

interface Service {
  readonly image: string;
  readonly ports: readonly string[];
  readonly command?: readonly string[];
}

const read = (path: string) => readFileSync(path, 'utf8');
const serviceOf = (services: Readonly<Record<string, Service>>): Service => {
  const [service] = Object.values(services);
  if (!service) throw new Error('no service');
  return service;
};
const compose = serviceOf(
  (load(read('examples/emulator-compose.yaml')) as { services: Record<string, Service> }).services,
);
const workflow = load(read('examples/emulator/workflow.yml')) as {
  readonly jobs: {
    readonly test: { readonly services: Record<string, Service>; readonly steps: readonly { run: string }[] };
  };
};
const { services, steps } = workflow.jobs.test;
/** The stage of the image, down to the end of the file. */
const [, stage = ''] = read('Dockerfile').split(/^FROM stack AS emulator$/m);
const ports = [LAPTOP_DEFAULTS.port, LAPTOP_DEFAULTS.controlPort];

describe('the image of the emulator', () => {
  it('listens where the code does, and says when it is ready', () => {
    expect(stage).toContain(`EXPOSE ${ports.join(' ')}\n`);
    expect(stage).toMatch(/^HEALTHCHECK /m);
    expect(stage).toContain(`http://127.0.0.1:${LAPTOP_DEFAULTS.controlPort}/healthz`);
  });

  it.each([
    ['compose file', compose],
    ['workflow', serviceOf(services)],
  ])('is what the %s starts, with its ports', (_, { image, ports: published }) => {
    const [, name] = /^(?:ghcr\.io\/your-organisation\/)?([\w-]+):latest$/.exec(image) ?? [];
    expect(read('docs/emulator/start.md')).toContain(`docker build --target emulator -t ${name} .\n`);
    expect(published.map((mapping) => mapping.replace('127.0.0.1:', ''))).toEqual(
      ports.map((port) => `${port}:${port}`),
    );
  });

  it('is told to listen on every address where a command replaces its own', () => {
    expect(compose.command?.slice(0, 3)).toEqual(['laptop', '--host', '0.0.0.0']);
    expect(stage).toContain('CMD ["laptop", "--host", "0.0.0.0"]');
  });

  it('is called by the workflow at its ports, with its password', () => {
    const calls = steps.map(({ run }) => run).join('\n');
    expect([...calls.matchAll(/:(\d{4})\//g)].map(([, port]) => Number(port)).sort()).toEqual(ports);
    expect(calls).toContain(`-u admin:${LAPTOP_DEFAULTS.password} `);
  });
});
