import { readFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import { aborted } from '../../base/aborted.ts';
import { CodedError, describeError } from '../../base/codedError.ts';
import { listen } from '../../base/ports.ts';
import { safeJson } from '../../base/safeJson.ts';
import { callback } from '../../onprem/webhook.ts';
import type { CliContext } from '../context.ts';

export interface ReceiverOptions {
  readonly port: number;
  readonly cert: string;
  readonly key: string;
}

/** Runs an HTTPS receiver that prints a line for each item of a callback, e.g. `webhook <status> <message id>`. */
export async function receiveWebhooks(
  { port, cert, key }: ReceiverOptions,
  context: CliContext,
): Promise<void> {
  const server = createServer(
    { cert: await readPem('--cert', cert), key: await readPem('--key', key) },
    async (request, response) => {
      if (request.method !== 'POST') return void response.writeHead(200).end();
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      for (const line of describeCallback(Buffer.concat(chunks).toString('utf8')))
        context.stdout.write(`${line}\n`);
      response.writeHead(200).end();
    },
  );
  await listen(server, { port });
  context.stderr.write(`receiving webhooks on port ${port}\n`);
  await aborted(context.signal);
  server.close();
  server.closeAllConnections();
}

/** @throws CodedError `Unreadable` */
const readPem = (option: string, file: string): Promise<Buffer> =>
  readFile(file).catch((cause: unknown) => {
    throw new CodedError('Unreadable', `${option}: ${describeError(cause)}`, { cause });
  });

/** A line for each message, status and error in a callback. */
function describeCallback(body: string): string[] {
  const parsed = callback.safeParse(safeJson(body));
  if (!parsed.success) return ['webhook unreadable'];
  const { statuses = [], messages = [], errors = [] } = parsed.data;
  return [
    ...messages.map(
      ({ from, id, type, text }) => `webhook inbound ${id} from ${from}: ${text?.body ?? type}`,
    ),
    ...statuses.map(
      ({ status, id, errors: causes }) =>
        `webhook ${status} ${id}${causes?.[0] ? ` (${causes[0].code} ${causes[0].title})` : ''}`,
    ),
    ...errors.map(({ code, title }) => `webhook error ${code} ${title}`),
  ];
}
