import { systemClock } from '../../base/clock.ts';
import { retryUntilDone } from '../../base/retryUntilDone.ts';
import { StackClient } from '../../client/stackClient.ts';
import { StackError } from '../../client/stackError.ts';
import { HttpsStackTransport } from '../../client/stackTransport.ts';
import type { CliContext } from '../context.ts';

export interface DemoOptions {
  readonly host: string;
  readonly port: number;
  readonly ca: string;
  readonly username: string;
  readonly password: string;
  readonly controlUrl: string;
  readonly controlToken: string;
  readonly number: string;
  readonly customer: string;
}

/**
 * Runs in the cluster: lets a simulated customer write, which opens the 24-hour window, and answers with one text.
 * Prints `message <id>`.
 */
export async function runDemo(options: DemoOptions, context: CliContext): Promise<void> {
  const { host, port, ca, username, password, controlUrl, controlToken, number, customer } = options;
  const written = await fetch(`${controlUrl}/numbers/${number.replace('+', '')}/messages`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${controlToken}` },
    body: JSON.stringify({ from: customer, text: 'Hi, are you open?', profileName: 'Ana' }),
    signal: context.signal,
  });
  if (!written.ok)
    throw new Error(`the simulated network rejected the customer's message: ${await written.text()}`);
  const client = new StackClient(new HttpsStackTransport({ host, port, ca }));
  try {
    const session = await client.users.login(username, password, {}, context.signal);
    // While shards change their owner the API asks for a retry; it has not accepted the message then.
    const id = await retryUntilDone(
      () => client.messages.sendText(session, customer, 'Hello Ana, we are.', context.signal),
      {
        clock: systemClock,
        logger: context.logger,
        what: 'sending again',
        everyMs: 1_000,
        worthRetrying: (error) => error instanceof StackError && error.retriable,
      },
      context.signal,
    );
    context.stdout.write(`message ${id}\n`);
  } finally {
    client.close();
  }
}
