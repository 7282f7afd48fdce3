import { writeFile } from 'node:fs/promises';
import { Command, InvalidArgumentError } from 'commander';
import { sleep, systemClock } from '../../base/clock.ts';
import { safeJson } from '../../base/safeJson.ts';
import { webappHost } from '../../operator/plan/facts/stackSettings.ts';
import type { WhatsAppDeployment } from '../../operator/resource/whatsAppDeployment.ts';
import { type ClusterAccess, type ClusterOptions, clusterOptions } from '../clusterAccess.ts';
import type { CliContext } from '../context.ts';
import { outputOption, printJson } from '../output.ts';
import { table } from '../table.ts';
import { withSimulation } from './simulation.ts';
import { withStackApi } from './stackApi.ts';

export function loginCommand(context: CliContext): Command {
  return clusterOptions(new Command('login'))
    .description('log in as admin and print the token, for curl; the token is valid for seven days')
    .argument('<name>', 'the WhatsAppDeployment')
    .option('--ca-file <file>', 'write the CA certificate of the API to this file, for curl --cacert')
    .addOption(outputOption())
    .action((name: string, options: ClusterOptions & { caFile?: string; output: string }) =>
      withStackApi(name, options, context, async (api, stack) => {
        if (options.caFile) await writeFile(options.caFile, api.ca);
        const { token, expiresAtMs } = api.session;
        if (options.output === 'json')
          return printJson(context, {
            token,
            expires: new Date(expiresAtMs).toISOString(),
            host: webappHost(stack),
          });
        context.stdout.write(`${token}\n`);
      }),
    );
}

interface SendOptions extends ClusterOptions {
  readonly to: string;
  readonly text?: string;
  readonly message?: object;
  readonly open?: boolean;
  readonly watch?: boolean;
}

export function sendCommand(context: CliContext): Command {
  return clusterOptions(new Command('send'))
    .description('send a test message')
    .argument('<name>', 'the WhatsAppDeployment')
    .requiredOption('--to <number>', 'phone number of the recipient')
    .option('--text <text>', 'text of the message', 'Hello from kubectl waba')
    .option(
      '--message <json>',
      'send this body of POST /v1/messages instead of a text, without "to"',
      parseMessage,
    )
    .option(
      '--open',
      'first let the simulated recipient write, which opens the 24-hour window for messages (only Emulator)',
    )
    .option('-w, --watch', 'print the statuses of the message until it is read or has failed (only Emulator)')
    .action((name: string, options: SendOptions) =>
      withStackApi(name, options, context, async (api, stack, access) => {
        const number = stack.spec.phoneNumber.replace('+', '');
        if (options.open)
          await withSimulation(access, stack, options, context, (call) =>
            call('POST', `/numbers/${number}/messages`, { from: options.to, text: 'Hi' }),
          );
        const content = options.message ?? { text: { body: options.text ?? '' } };
        const id = await api.client.messages.send(
          api.session,
          { ...content, to: options.to },
          context.signal,
        );
        context.stdout.write(`accepted ${id}\n`);
        if (options.watch) await watch(access, stack, options, id, context);
      }),
    );
}

function parseMessage(json: string): object {
  const value = safeJson(json);
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  throw new InvalidArgumentError('--message must be a JSON object, like {"type":"location","location":{…}}');
}

const LAST = ['read', 'failed', 'deleted'];
const WATCH = { everyMs: 200, forMs: 60_000 } as const;

async function watch(
  access: ClusterAccess,
  stack: WhatsAppDeployment,
  options: SendOptions,
  id: string,
  context: CliContext,
): Promise<void> {
  const number = stack.spec.phoneNumber.replace('+', '');
  const waId = options.to.replace(/\D/g, '');
  await withSimulation(access, stack, options, context, async (call) => {
    let last = '';
    for (const end = systemClock.now() + WATCH.forMs; systemClock.now() < end && !LAST.includes(last); ) {
      const { messages } = (await call('GET', `/numbers/${number}/chats/${waId}`)) as {
        messages: { id: string; status: string; error?: { code: number; title: string } }[];
      };
      const found = messages.find((message) => message.id === id);
      if (found && found.status !== last) {
        last = found.status;
        context.stdout.write(`${last}${found.error ? ` ${found.error.code} ${found.error.title}` : ''}\n`);
      }
      await sleep(systemClock, WATCH.everyMs, context.signal);
    }
  });
}

export function usersCommand(context: CliContext): Command {
  return clusterOptions(new Command('users'))
    .description('list the declared users of the API, and whether they exist in the stack')
    .argument('<name>', 'the WhatsAppDeployment')
    .addOption(outputOption())
    .action((name: string, options: ClusterOptions & { output: string }) =>
      withStackApi(name, options, context, async (api, stack) => {
        const declared = stack.spec.users ?? [];
        const admin = {
          name: 'admin',
          role: 'ROLE_ADMIN',
          passwordSecretRef: { name: `${name}-admin`, key: 'password' },
        };
        const all = declared.some((user) => user.name === admin.name) ? declared : [admin, ...declared];
        const users = await Promise.all(
          all.map(async (user) => ({
            name: user.name,
            role: user.role,
            password: `Secret ${user.passwordSecretRef.name}, key ${user.passwordSecretRef.key}`,
            there: (await api.client.users.find(api.session, user.name, context.signal)) !== undefined,
          })),
        );
        if (options.output === 'json') return printJson(context, users);
        const rows = users.map((user) => [user.name, user.role, user.there ? 'yes' : 'no', user.password]);
        context.stdout.write(table(['NAME', 'ROLE', 'IN THE STACK', 'PASSWORD'], rows));
      }),
    );
}

export function contactsCommand(context: CliContext): Command {
  return clusterOptions(new Command('contacts'))
    .description('look up the WhatsApp ids of phone numbers')
    .argument('<name>', 'the WhatsAppDeployment')
    .argument('<numbers...>', 'phone numbers, preferably with + and country code')
    .option('--force', 'ask WhatsApp even for numbers that the stack looked up in the last seven days')
    .addOption(outputOption())
    .addHelpText(
      'after',
      `
WhatsApp blocks a number that looks up many more contacts than it sends messages to. From version 2.43 on, a stack
reports every number as valid; a message to a number that is not on WhatsApp fails.`,
    )
    .action(
      (name: string, numbers: string[], options: ClusterOptions & { force?: boolean; output: string }) =>
        withStackApi(name, options, context, async ({ client, session }) => {
          const request = {
            contacts: numbers,
            blocking: 'wait',
            force_check: options.force ?? false,
          } as const;
          const contacts = await client.contacts.check(session, request, context.signal);
          if (options.output === 'json') return printJson(context, contacts);
          const rows = contacts.map(({ input, status, wa_id }) => [input, status, wa_id ?? '-']);
          context.stdout.write(table(['NUMBER', 'STATUS', 'WHATSAPP ID'], rows));
        }),
    );
}
