import { Command } from 'commander';
import { sleep, systemClock } from '../../base/clock.ts';
import { type ClusterOptions, clusterOptions } from '../clusterAccess.ts';
import type { CliContext } from '../context.ts';
import { parsePort } from '../parsePort.ts';
import { getStack } from './getStack.ts';
import { withSimulation } from './simulation.ts';
import { describeCallback, type ReceiverOptions, receiveWebhooks } from './webhookReceiver.ts';

const EVERY_MS = 500;

/** What the control API tells of a callback, as far as it is shown. */
interface CallbackRecord {
  readonly id: number;
  /** Epoch ms. */
  readonly at: number;
  readonly state: 'waiting' | 'delivered' | 'dropped';
  readonly body: unknown;
  readonly attempts: readonly { readonly status?: number; readonly problem?: string }[];
}

export function webhooksCommand(context: CliContext): Command {
  return new Command('webhooks')
    .description('see the callbacks of a stack')
    .addCommand(receiveCommand(context))
    .addCommand(tailCommand(context));
}

const receiveCommand = (context: CliContext): Command =>
  new Command('receive')
    .description('run an HTTPS receiver that prints one line for each message, status and error')
    .option('--port <port>', 'port to listen on', parsePort, 8443)
    .option('--cert <file>', 'certificate of the receiver, PEM (default: makes one with a CA of its own)')
    .option('--key <file>', 'private key of the certificate, PEM')
    .option('--host <names...>', 'names and addresses for the certificate that it makes', [
      'localhost',
      '127.0.0.1',
    ])
    .option(
      '--ca-file <file>',
      'where it writes the CA that it makes, for webhook.caSecretRef',
      'webhook-ca.pem',
    )
    .action((options: ReceiverOptions) => receiveWebhooks(options, context));

const tailCommand = (context: CliContext): Command =>
  clusterOptions(new Command('tail'))
    .description('print the callbacks of an emulated stack as it makes them, with what the webhook answered')
    .argument('<name>', 'the WhatsAppDeployment, with stack Emulator')
    .option('--all', 'begin with the callbacks that the emulator still knows')
    .option('--json', 'print the record of each callback as a line of JSON')
    .action(async (name: string, options: ClusterOptions & { all?: boolean; json?: boolean }) => {
      const access = await context.openCluster(options);
      const stack = await getStack(access, name, context);
      const number = stack.spec.phoneNumber.replace('+', '');
      await withSimulation(access, stack, options, context, async (call) => {
        const page = async (after: number) =>
          (await call('GET', `/control/v1/callbacks?number=${number}&after=${after}`)) as {
            readonly callbacks: readonly CallbackRecord[];
            readonly lastId: number;
          };
        let after = options.all ? 0 : (await page(0)).lastId;
        while (!context.signal.aborted) {
          // One that has had no attempt yet comes with the next look, and so do those behind it.
          const { callbacks } = await page(after);
          for (const callback of settled(callbacks)) {
            context.stdout.write(options.json ? `${JSON.stringify(callback)}\n` : textOf(callback));
            after = callback.id;
          }
          await sleep(systemClock, EVERY_MS, context.signal).catch(() => {});
        }
      }).catch((error: unknown) => {
        if (!context.signal.aborted) throw error;
      });
    });

function settled(callbacks: readonly CallbackRecord[]): readonly CallbackRecord[] {
  const open = callbacks.findIndex(({ state, attempts }) => state === 'waiting' && attempts.length === 0);
  return open === -1 ? callbacks : callbacks.slice(0, open);
}

function textOf({ at, state, body, attempts }: CallbackRecord): string {
  const last = attempts.at(-1);
  const answer = last ? `${last.status ?? last.problem ?? 'no answer'}` : 'no webhook';
  return describeCallback(body)
    .map((line) => `${new Date(at).toISOString().slice(11, 23)} ${line}  [${state}: ${answer}]\n`)
    .join('');
}
