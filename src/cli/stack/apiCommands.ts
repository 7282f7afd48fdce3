import { writeFile } from 'node:fs/promises';
import { Command, Option } from 'commander';
import { sleep, systemClock } from '../../base/clock.ts';
import { CodedError } from '../../base/codedError.ts';
import { NETWORK } from '../../operator/plan/facts/names.ts';
import { webappHost } from '../../operator/plan/facts/stackSettings.ts';
import type { WhatsAppDeployment } from '../../operator/resource/whatsAppDeployment.ts';
import { type ClusterAccess, type ClusterOptions, clusterOptions } from '../clusterAccess.ts';
import { type CliContext, printJson } from '../context.ts';
import { table } from '../table.ts';
import { reachService } from './reachService.ts';
import { withStackApi } from './stackApi.ts';

const outputOption = () =>
  new Option('-o, --output <format>', 'output format').choices(['text', 'json']).default('text');

export function loginCommand(context: CliContext): Command {
  return clusterOptions(new Command('login'))
    .description('print a token of admin, for curl; it is good for seven days')
    .argument('<name>', 'the WhatsAppDeployment')
    .option('--ca-file <file>', 'write the CA of the API there, for curl --cacert')
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
  readonly message?: string;
  readonly open?: boolean;
  readonly watch?: boolean;
}

export function sendCommand(context: CliContext): Command {
  return clusterOptions(new Command('send'))
    .description('send a test message')
    .argument('<name>', 'the WhatsAppDeployment')
    .requiredOption('--to <number>', 'who gets it')
    .option('--text <text>', 'a text', 'Hello from kubectl waba')
    .option('--message <json>', 'any message of POST /v1/messages instead, without "to"')
    .option('--open', 'let the simulated person write first, which opens the window for answers (Emulator)')
    .option('-w, --watch', 'show what becomes of it until it is read or has failed (Emulator)')
    .action((name: string, options: SendOptions) =>
      withStackApi(name, options, context, async (api, stack, access) => {
        const number = stack.spec.phoneNumber.replace('+', '');
        if (options.open)
          await simulation(access, stack, options, context, (call) =>
            call('POST', `/numbers/${number}/messages`, { from: options.to, text: 'Hi' }),
          );
        const content = options.message
          ? parseMessage(options.message)
          : { text: { body: options.text ?? '' } };
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
  try {
    const value: unknown = JSON.parse(json);
    if (typeof value === 'object' && value !== null) return value;
  } catch {
    // Said below.
  }
  throw new CodedError('Usage', '--message must be a JSON object, like {"type":"location","location":{…}}');
}

type Simulate = (method: string, path: string, body?: object) => Promise<unknown>;

/** Calls the control API of what stands for WhatsApp. @throws CodedError `NotSimulated` for the real product */
async function simulation(
  access: ClusterAccess,
  { spec }: WhatsAppDeployment,
  options: ClusterOptions,
  context: CliContext,
  use: (call: Simulate) => Promise<unknown>,
): Promise<void> {
  if (spec.stack !== 'Emulator' || spec.emulator?.network?.url)
    throw new CodedError(
      'NotSimulated',
      'only a simulated network of this namespace tells more; statuses arrive at the webhook',
    );
  const reached = await reachService(
    access,
    options,
    { name: NETWORK.name, port: NETWORK.controlPort },
    context,
  );
  try {
    await use(async (method, path, body) => {
      const answer = await fetch(`http://${reached.host}:${reached.port}${path}`, {
        method,
        signal: context.signal,
        ...(body ? { body: JSON.stringify(body) } : {}),
      });
      const content: unknown = await answer.json().catch(() => undefined);
      if (!answer.ok) throw new CodedError('Refused', `${method} ${path}: ${JSON.stringify(content)}`);
      return content;
    });
  } finally {
    reached.close();
  }
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
  await simulation(access, stack, options, context, async (call) => {
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
    .description('users of the API that the resource declares, and whether the stack has them')
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
    .description('check phone numbers: their WhatsApp ids')
    .argument('<name>', 'the WhatsAppDeployment')
    .argument('<numbers...>', 'in any usual notation, best with + and the country code')
    .option('--force', 'ask WhatsApp again for those that the stack knows (it keeps answers for seven days)')
    .addOption(outputOption())
    .addHelpText(
      'after',
      `
WhatsApp takes a number out of service that checks more contacts than it sends messages. Since 2.43 a stack calls every
number valid; whether somebody is there shows when a message fails.`,
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
