import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../src/base/clock.ts';
import { silentLogger } from '../../src/base/logger.ts';
import { startControlServer } from '../../src/stack/network/controlServer.ts';
import { Network } from '../../src/stack/network/network.ts';

const HOST = '127.0.0.1';

interface NumberState {
  readonly number: string;
  readonly registrations: number;
  readonly codeRequests: number;
}

/** The servers of WhatsApp in this process: they outlive every cluster whose stacks know them. */
export async function outsideNetwork() {
  const dataFolder = await mkdtemp(join(tmpdir(), 'waba-outside-'));
  const start = async (port: number) => {
    const network = await Network.start({
      host: HOST,
      port,
      dataFolder,
      limits: true,
      clock: systemClock,
      logger: silentLogger,
    });
    const control = await startControlServer(network, { host: HOST, port: 0, openApi: {} });
    return { network, control };
  };
  let running = await start(0);
  const { port } = running.network;
  const cut = async () => {
    await running.control.close();
    await running.network.close();
  };
  /** Calls the control API. */
  const call = async <T>(path: string, method = 'GET', body?: unknown): Promise<T> => {
    const answer = await fetch(`http://${HOST}:${running.control.port}/control/v1${path}`, {
      method,
      body: JSON.stringify(body),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    return (text === '' ? undefined : JSON.parse(text)) as T;
  };
  return {
    /** As `spec.emulator.network.url` has it. */
    url: `tcp://${HOST}:${port}`,
    call,
    number: async (wanted: string) =>
      (await call<{ numbers: NumberState[] }>('/numbers')).numbers.find(({ number }) => number === wanted),
    /** No stack reaches it until `back`. */
    cut,
    back: async () => {
      running = await start(port);
    },
    close: async () => {
      await cut();
      await rm(dataFolder, { recursive: true, force: true });
    },
  };
}
