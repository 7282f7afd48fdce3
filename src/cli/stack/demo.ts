import { systemClock } from '../../base/clock.ts';
import { retryUntilDone } from '../../base/retryUntilDone.ts';
import { StackClient } from '../../client/stackClient.ts';
import { StackError, StackUnreachable } from '../../client/stackError.ts';
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
  const retry = <T>(what: string, action: () => Promise<T>): Promise<T> => {
    const { logger, signal } = context;
    const worthRetrying = (error: unknown) => isNotSent(error) || isRefusedForNow(error);
    return retryUntilDone(
      action,
      { clock: systemClock, logger, what, everyMs: 1_000, worthRetrying },
      signal,
    );
  };
  const written = await retry('writing as a customer again', () =>
    fetch(`${controlUrl}/numbers/${number.replace('+', '')}/messages`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${controlToken}` },
      body: JSON.stringify({ from: customer, text: 'Hi, are you open?', profileName: 'Ana' }),
      signal: context.signal,
    }),
  );
  if (!written.ok)
    throw new Error(`the simulated network rejected the customer's message: ${await written.text()}`);
  const client = new StackClient(new HttpsStackTransport({ host, port, ca }));
  try {
    const session = await retry('logging in again', () =>
      client.users.login(username, password, {}, context.signal),
    );
    const id = await retry('sending again', () =>
      client.messages.sendText(session, customer, 'Hello Ana, we are.', context.signal),
    );
    context.stdout.write(`message ${id}\n`);
  } finally {
    client.close();
  }
}

/** While shards change their owner the API asks for a retry; it has not accepted the message then. */
const isRefusedForNow = (error: unknown): boolean => error instanceof StackError && error.retriable;

/**
 * Nothing left this pod. Network plugins learn the address of a new pod after it has started, and until then a
 * NetworkPolicy that lets the pod through refuses it.
 */
const isNotSent = (error: unknown): boolean => {
  if (error instanceof StackUnreachable) return !error.mayHaveArrived;
  const cause = error instanceof TypeError ? error.cause : undefined;
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  return code === 'ECONNREFUSED' || code === 'UND_ERR_CONNECT_TIMEOUT';
};
