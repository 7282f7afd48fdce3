import { Agent } from 'node:https';
import { discard, openHttps } from '../src/base/openHttps.ts';

const TIMEOUT_MS = 60_000;
const never = new AbortController().signal;

export interface LoadOptions {
  readonly host: string;
  readonly port: number;
  readonly path: string;
  readonly ca: string;
  readonly serverName?: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: (index: number) => string;
  readonly connections: number;
  readonly seconds: number;
}

export interface LoadResult {
  readonly perSecond: number;
  readonly accepted: number;
  readonly failed: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** Posts over keep-alive connections. Each sends its next request when the last is answered. */
export async function httpsLoad(options: LoadOptions): Promise<LoadResult> {
  const { host, port, path, ca, serverName, headers, body, connections, seconds } = options;
  const agent = new Agent({
    keepAlive: true,
    maxSockets: connections,
    ca,
    ...(serverName ? { servername: serverName } : {}),
  });
  const latencies: number[] = [];
  let failed = 0;
  let index = 0;
  const end = performance.now() + seconds * 1000;
  const one = async () => {
    const startedAt = performance.now();
    const payload = body(index++);
    const sent = {
      ...headers,
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(payload),
    };
    const request = {
      to: { host, port, path },
      method: 'POST',
      agent,
      headers: sent,
      body: payload,
      timeoutMs: TIMEOUT_MS,
    };
    try {
      const response = await openHttps(request, never);
      await discard(response);
      if ((response.statusCode ?? 500) < 300) latencies.push(performance.now() - startedAt);
      else failed += 1;
    } catch {
      failed += 1;
    }
  };
  const startedAt = performance.now();
  await Promise.all(
    Array.from({ length: connections }, async () => {
      while (performance.now() < end) await one();
    }),
  );
  const elapsed = (performance.now() - startedAt) / 1000;
  agent.destroy();
  latencies.sort((a, b) => a - b);
  const at = (share: number) =>
    latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))] ?? Number.NaN;
  return {
    perSecond: latencies.length / elapsed,
    accepted: latencies.length,
    failed,
    p50Ms: at(0.5),
    p99Ms: at(0.99),
  };
}
