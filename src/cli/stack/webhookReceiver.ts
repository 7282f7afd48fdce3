import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import { aborted } from '../../base/aborted.ts';
import { CodedError, describeError } from '../../base/codedError.ts';
import { createAuthority, issueCertificate } from '../../base/pki/certificates.ts';
import { listen } from '../../base/ports.ts';
import { safeJson } from '../../base/safeJson.ts';
import { callback } from '../../onprem/webhook.ts';
import type { CliContext } from '../context.ts';

export interface ReceiverOptions {
  readonly port: number;
  /** Both are given, or neither: then the receiver makes a certificate. */
  readonly cert?: string;
  readonly key?: string;
  /** Names and addresses for the certificate that it makes. */
  readonly host: readonly string[];
  readonly caFile: string;
}

/** Runs an HTTPS receiver that prints a line for each item of a callback, e.g. `webhook <status> <message id>`. */
export async function receiveWebhooks(options: ReceiverOptions, context: CliContext): Promise<void> {
  const { port } = options;
  const server = createServer(await certificateOf(options, context), async (request, response) => {
    if (request.method !== 'POST') return void response.writeHead(200).end();
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    for (const line of describeCallback(safeJson(Buffer.concat(chunks).toString('utf8'))))
      context.stdout.write(`${line}\n`);
    response.writeHead(200).end();
  });
  await listen(server, { port });
  context.stderr.write(`receiving webhooks on port ${port}\n`);
  await aborted(context.signal);
  server.close();
  server.closeAllConnections();
}

/** The certificate of the files, or a new one, whose CA is written to a file. @throws CodedError `Usage`, `Unreadable` */
async function certificateOf(
  { cert, key, host, caFile }: ReceiverOptions,
  context: CliContext,
): Promise<{ readonly cert: string | Buffer; readonly key: string | Buffer }> {
  if (cert && key) return { cert: await readPem('--cert', cert), key: await readPem('--key', key) };
  if (cert || key)
    throw new CodedError('Usage', 'webhooks receive needs --cert and --key together, or neither');
  const authority = await createAuthority({ subject: 'CN=kubectl waba webhooks receive' });
  const [commonName = 'localhost'] = host;
  const pair = await issueCertificate(authority, { commonName, hosts: host, usage: 'server' });
  await writeFile(caFile, authority.certificatePem);
  context.stderr.write(`wrote the CA of the certificate for ${host.join(', ')} to ${caFile}\n`);
  return { cert: pair.certificatePem, key: pair.privateKeyPem };
}

/** @throws CodedError `Unreadable` */
const readPem = (option: string, file: string): Promise<Buffer> =>
  readFile(file).catch((cause: unknown) => {
    throw new CodedError('Unreadable', `${option}: ${describeError(cause)}`, { cause });
  });

/** A line for each message, status and error in a callback. */
export function describeCallback(body: unknown): string[] {
  const parsed = callback.safeParse(body);
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
