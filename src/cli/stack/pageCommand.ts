import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { sleep, systemClock } from '../../base/clock.ts';
import { NETWORK } from '../../operator/plan/facts/names.ts';
import { type ClusterOptions, clusterOptions } from '../clusterAccess.ts';
import type { CliContext } from '../context.ts';
import { runProgram } from '../program.ts';
import { getStack } from './getStack.ts';
import { reachService } from './reachService.ts';
import { controlToken, demandSimulation } from './simulation.ts';

const IDLE_MS = 60_000;

export function pageCommand(context: CliContext): Command {
  return clusterOptions(new Command('page'))
    .description('open the page of the emulator in a browser: be the customer, see callbacks and calls')
    .argument('<name>', 'the WhatsAppDeployment, with stack Emulator')
    .option('--no-open', 'only say which file to open')
    .action(async (name: string, options: ClusterOptions & { open: boolean }) => {
      const access = await context.openCluster(options);
      demandSimulation(await getStack(access, name, context));
      const token = await controlToken(access, context);
      const service = { name: NETWORK.name, port: NETWORK.controlPort };
      const reached = await reachService(access, options, service, context);
      const folder = await mkdtemp(join(tmpdir(), 'waba-page-'));
      try {
        const file = join(folder, 'page.html');
        const url = `http://${reached.host}:${reached.port}/`;
        await writeFile(file, redirectTo(token === undefined ? url : `${url}?token=${token}`), {
          mode: 0o600,
        });
        context.stdout.write(`the page of ${name} is at ${url}; Ctrl-C ends\n`);
        const isOpened = options.open && (await openFile(file, context));
        if (!isOpened) context.stdout.write(`open ${file} in a browser: it holds the token\n`);
        // A timer, because nothing else keeps this process alive where it connects directly.
        while (!context.signal.aborted) await sleep(systemClock, IDLE_MS, context.signal).catch(() => {});
      } finally {
        reached.close();
        await rm(folder, { recursive: true, force: true });
      }
    });
}

/** The token stands in a file that only this user can read: everybody can read the arguments of a browser. */
const redirectTo = (url: string): string =>
  `<!doctype html><meta http-equiv="refresh" content="0; url=${url.replace(/&/g, '&amp;').replace(/"/g, '&quot;')}">\n`;

const openFile = (file: string, { signal }: CliContext): Promise<boolean> =>
  runProgram(process.platform === 'darwin' ? 'open' : 'xdg-open', [file], {}, signal).then(
    () => true,
    () => false,
  );
