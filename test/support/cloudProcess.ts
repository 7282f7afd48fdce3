import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { execa } from 'execa';
import { freePort } from '../../src/base/ports.ts';
import type { AnyGraph } from './simulatedGraph.ts';

interface CloudProcessOptions {
  /** Of the application. */
  readonly webhookUrl: string;
  readonly unknownOutcomeSeconds: number;
  /** Messages a second; without it that of the number. */
  readonly throughput?: number;
}

/** The bundled emulator with the Cloud API behind it: a process that can be killed, and goes on with the same data. */
export async function startCloudProcess(
  graph: AnyGraph,
  { webhookUrl, unknownOutcomeSeconds, throughput }: CloudProcessOptions,
) {
  const folder = await mkdtemp(join(tmpdir(), 'waba-cloud-'));
  const [port, webhookPort, controlPort] = [await freePort(), await freePort(), await freePort()];
  const variables = {
    WABA_CLOUD_PHONE_NUMBER_ID: graph.phoneNumberId,
    WABA_CLOUD_BUSINESS_ACCOUNT_ID: graph.businessAccountId,
    WABA_CLOUD_ACCESS_TOKEN: graph.token,
    WABA_CLOUD_APP_SECRET: graph.appSecret,
    WABA_CLOUD_VERIFY_TOKEN: 'verify-token',
    WABA_CLOUD_GRAPH_URL: graph.url,
    WABA_CLOUD_WEBHOOK_URL: `http://127.0.0.1:${webhookPort}/webhook`,
    WABA_CLOUD_UNKNOWN_OUTCOME_SECONDS: unknownOutcomeSeconds,
    ...(throughput === undefined ? {} : { WABA_CLOUD_THROUGHPUT: throughput }),
  };
  const file = join(folder, 'cloud.env');
  const lines = Object.entries(variables).map(([name, value]) => `${name}=${value}\n`);
  await writeFile(file, lines.join(''));
  const options = {
    '--data': join(folder, 'data'),
    '--port': port,
    '--cloud': file,
    '--cloud-webhook-port': webhookPort,
    '--control-port': controlPort,
    '--webhook': webhookUrl,
  };
  const start = async () => {
    const args = [...Object.entries(options).flat().map(String), '--no-rate-limits', '--json'];
    const program = execa(process.execPath, [resolve('dist/emulator.js'), ...args], { reject: false });
    const about = await new Promise<{ caFile: string; username: string; password: string }>((done, fail) => {
      program.stdout.once('data', (line) => done(JSON.parse(String(line))));
      void program.then(({ stderr }) => fail(new Error(stderr)));
    });
    return { program, about };
  };
  let running = await start();
  return {
    about: running.about,
    pid: () => running.program.pid ?? 0,
    address: async () => ({
      host: 'localhost',
      port,
      serverName: 'localhost',
      ca: await readFile(running.about.caFile, 'utf8'),
    }),
    kill: async () => {
      running.program.kill('SIGKILL');
      await running.program;
      running = await start();
    },
    close: async () => {
      running.program.kill();
      await running.program;
      await rm(folder, { recursive: true, force: true });
    },
  };
}
