import { Registry } from 'prom-client';
import { afterEach, describe, expect, it } from 'vitest';
import { type HealthServerOptions, startHealthServer } from './healthServer.ts';

const servers: { close(): Promise<void> }[] = [];
afterEach(() => Promise.all(servers.splice(0).map((server) => server.close())));

async function get(path: string, options: Partial<HealthServerOptions>) {
  const server = await startHealthServer({
    host: '127.0.0.1',
    port: 0,
    registry: new Registry(),
    liveness: () => [],
    readiness: () => [],
    ...options,
  });
  servers.push(server);
  const response = await fetch(`http://127.0.0.1:${server.port}${path}`, {
    signal: AbortSignal.timeout(5_000),
  });
  return [response.status, await response.text()];
}

describe('the health server', () => {
  it('says what the process waits for, and what only a restart solves', async () => {
    expect(await get('/healthz', {})).toEqual([200, 'ok\n']);
    expect(await get('/healthz', { liveness: () => ['stuck'] })).toEqual([503, 'stuck\n']);
    expect(await get('/readyz', { readiness: () => ['caches', 'rights'] })).toEqual([
      503,
      'caches\nrights\n',
    ]);
    expect(await get('/elsewhere', {})).toEqual([404, '']);
  });

  it('answers a scrape with an error when the metrics cannot be read', async () => {
    const moreMetrics = () => {
      throw new Error('a journal cannot be read');
    };
    expect(await get('/metrics', { moreMetrics })).toEqual([500, 'Error: a journal cannot be read\n']);
  });
});
