import { writeFile } from 'node:fs/promises';
import { Command, InvalidArgumentError } from 'commander';
import { systemClock } from '../../base/clock.ts';
import { CodedError } from '../../base/codedError.ts';
import { safeJson } from '../../base/safeJson.ts';
import { waitUntil } from '../../base/waitUntil.ts';
import { webappHost } from '../../operator/plan/facts/stackSettings.ts';
import type { WhatsAppDeployment } from '../../operator/resource/whatsAppDeployment.ts';
import { type ClusterAccess, type ClusterOptions, clusterOptions } from '../clusterAccess.ts';
import type { CliContext } from '../context.ts';
import { isData, outputOption, printData } from '../output.ts';
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
        if (isData(options.output))
          return printData(context, options.output, {
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

/** What becomes of a message that arrives, in this order. */
const COURSE = ['sent', 'delivered', 'read'];
const LAST = ['read', 'failed', 'deleted'];
const WATCH = { everyMs: 200, timeoutMs: 60_000 } as const;

interface WatchedMessage {
  readonly id: string;
  readonly status: string;
  readonly error?: { readonly code: number; readonly title: string };
}

/** Prints each state once. @throws CodedError `MessageFailed`; `NoAnswer` if the message has no last state in time */
async function watch(
  access: ClusterAccess,
  stack: WhatsAppDeployment,
  options: SendOptions,
  id: string,
  context: CliContext,
): Promise<void> {
  const number = stack.spec.phoneNumber.replace('+', '');
  const waId = options.to.replace(/\D/g, '');
  const states: string[] = [];
  await withSimulation(access, stack, options, context, async (call) => {
    const look = async () => {
      const { messages } = (await call('GET', `/numbers/${number}/chats/${waId}`)) as {
        readonly messages: readonly WatchedMessage[];
      };
      const found = messages.find((message) => message.id === id);
      if (!found || found.status === states.at(-1)) return undefined;
      // A state may pass between two looks: what was read was delivered before.
      const passed = COURSE.slice(0, Math.max(0, COURSE.indexOf(found.status)));
      for (const state of [...passed, found.status]) {
        if (states.includes(state)) continue;
        states.push(state);
        const { error } = found;
        context.stdout.write(`${state}${error ? ` ${error.code} ${error.title}` : ''}\n`);
      }
      return LAST.includes(found.status) && found;
    };
    const late = () =>
      new CodedError(
        'NoAnswer',
        `message ${id} is ${states.at(-1) ?? 'not sent'} after ${WATCH.timeoutMs / 1000} s`,
      );
    const { status, error } = await waitUntil(look, { clock: systemClock, ...WATCH, late }, context.signal);
    if (status === 'failed')
      throw new CodedError(
        'MessageFailed',
        `message ${id} failed${error ? `: ${error.code} ${error.title}` : ''}`,
      );
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
        if (isData(options.output)) return printData(context, options.output, users);
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
          if (isData(options.output)) return printData(context, options.output, contacts);
          const rows = contacts.map(({ input, status, wa_id }) => [input, status, wa_id ?? '-']);
          context.stdout.write(table(['NUMBER', 'STATUS', 'WHATSAPP ID'], rows));
        }),
    );
}
