import { createInterface } from 'node:readline';
import { Command } from 'commander';
import { sleep, systemClock } from '../../base/clock.ts';
import { type ClusterOptions, clusterOptions } from '../clusterAccess.ts';
import type { CliContext } from '../context.ts';
import { getStack } from './getStack.ts';
import { type Simulate, withSimulation } from './simulation.ts';

interface ChatMessage {
  readonly id: string;
  readonly direction: 'in' | 'out';
  readonly type: string;
  readonly content: Readonly<Record<string, unknown>>;
}

const EVERY_MS = 500;

export function chatCommand(context: CliContext): Command {
  return clusterOptions(new Command('chat'))
    .description('be a simulated customer: send each line that you type, and see what the business answers')
    .argument('<name>', 'the WhatsAppDeployment, with stack Emulator')
    .option('--from <number>', 'phone number of the customer', '16505551234')
    .action(async (name: string, options: ClusterOptions & { from: string }) => {
      const access = await context.openCluster(options);
      const stack = await getStack(access, name, context);
      const number = stack.spec.phoneNumber.replace('+', '');
      const customer = options.from.replace(/\D/g, '');
      await withSimulation(access, stack, options, context, async (call) => {
        const seen = new Set((await chatOf(call, number, customer)).map(({ id }) => id));
        context.stderr.write(`${customer} writes to ${name} (${number}); Ctrl-D ends\n`);
        const typing = writeLines(call, { number, customer }, context);
        let isOpen = true;
        const ended = typing.finally(() => {
          isOpen = false;
        });
        // Once more after the last line, for answers that came meanwhile.
        do {
          await Promise.race([ended, sleep(systemClock, EVERY_MS, context.signal).catch(() => {})]);
          for (const message of await chatOf(call, number, customer)) {
            if (seen.has(message.id)) continue;
            seen.add(message.id);
            if (message.direction === 'out') context.stdout.write(`${name}: ${textOf(message)}\n`);
          }
        } while (isOpen && !context.signal.aborted);
        await ended;
      });
    });
}

async function writeLines(
  call: Simulate,
  { number, customer }: { readonly number: string; readonly customer: string },
  { stdin, signal }: CliContext,
): Promise<void> {
  const lines = createInterface({ input: stdin, signal });
  for await (const text of lines)
    if (text.trim() !== '') await call('POST', `/numbers/${number}/messages`, { from: customer, text });
}

/** A person who has not written yet has no chat. */
async function chatOf(call: Simulate, number: string, customer: string): Promise<readonly ChatMessage[]> {
  const { chats } = (await call('GET', `/numbers/${number}/chats`)) as {
    readonly chats: readonly { readonly waId: string }[];
  };
  if (!chats.some(({ waId }) => waId === customer)) return [];
  const { messages } = (await call('GET', `/numbers/${number}/chats/${customer}`)) as {
    readonly messages: readonly ChatMessage[];
  };
  return messages;
}

/** The text, or the type of a message that is no text. */
function textOf({ type, content }: ChatMessage): string {
  const { body } = (content.text ?? {}) as { readonly body?: unknown };
  return typeof body === 'string' ? body : `(${type})`;
}
