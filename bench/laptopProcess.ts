import type { ChildProcess } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { exited, spawnBound } from '../src/base/childProcess.ts';
import { discard, openHttps } from '../src/base/openHttps.ts';
import { freePort } from '../src/base/ports.ts';
import type { ApiAddress } from '../test/support/apiCall.ts';
import type { Receiver } from './receiver.ts';

const never = new AbortController().signal;

/** The bundled emulator as a laptop runs it: one process, everything in memory. */
export interface LaptopProcess {
  readonly pid: number;
  readonly address: ApiAddress;
  readonly controlUrl: string;
  readonly password: string;
  close(): Promise<void>;
}

export async function startLaptopProcess(
  { url, caPem }: Pick<Receiver, 'url' | 'caPem'>,
  settings: Readonly<Record<string, unknown>>,
): Promise<LaptopProcess> {
  const folder = await mkdtemp(join(tmpdir(), 'waba-bench-laptop-'));
  const [ca, seed] = [join(folder, 'webhook-ca.pem'), join(folder, 'seed.json')];
  await writeFile(ca, caPem);
  await writeFile(seed, JSON.stringify({ settings }));
  const [port, controlPort] = [await freePort(), await freePort()];
  const child = spawnLaptop(port, controlPort, [
    `--webhook=${url}`,
    `--webhook-ca=${ca}`,
    `--seed=${seed}`,
    '--no-rate-limits',
    '--json',
  ]);
  const close = async () => {
    child.kill('SIGKILL');
    await exited(child);
    await rm(folder, { recursive: true, force: true });
  };
  for await (const line of createInterface({ input: child.stdout as Readable })) {
    const { controlUrl, password, caFile } = JSON.parse(line) as Record<string, string>;
    const address = {
      host: '127.0.0.1',
      port,
      serverName: 'localhost',
      caPem: await readFile(caFile ?? '', 'utf8'),
    };
    return { pid: child.pid ?? 0, address, controlUrl: controlUrl ?? '', password: password ?? '', close };
  }
  await close();
  throw new Error('the emulator ended before it was ready');
}

/** Milliseconds from the start of the process to the first byte of an answer of its API. */
export async function laptopStartMs(): Promise<number> {
  const [port, controlPort] = [await freePort(), await freePort()];
  const startedAt = performance.now();
  const child = spawnLaptop(port, controlPort, ['--json']);
  try {
    while (!(await isServed(port))) await new Promise((done) => setTimeout(done, 5));
    return performance.now() - startedAt;
  } finally {
    child.kill('SIGKILL');
    await exited(child);
  }
}

/** The certificate does not matter: it is made anew at each start. */
const isServed = (port: number): Promise<boolean> =>
  openHttps(
    { to: { host: '127.0.0.1', port, path: '/' }, rejectUnauthorized: false, timeoutMs: 5_000 },
    never,
  )
    .then(discard)
    .then(
      () => true,
      () => false,
    );

const spawnLaptop = (port: number, controlPort: number, more: readonly string[]): ChildProcess =>
  spawnBound(
    [
      process.execPath,
      resolve('dist/emulator.js'),
      'laptop',
      `--port=${port}`,
      `--control-port=${controlPort}`,
      ...more,
    ],
    { stdio: ['ignore', 'pipe', 'ignore'] },
  );
