import { request as httpRequest } from 'node:http';
import { Agent } from 'node:https';
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { openHttps } from '../../src/base/openHttps.ts';
import { safeJson } from '../../src/base/safeJson.ts';
import { NODE_PORTS } from '../../src/onprem/environment.ts';
import type { ApiAddress } from '../support/apiCall.ts';
import { PNG } from '../support/conformanceApi.ts';
import { EmulatorProcesses } from '../support/emulatorProcesses.ts';
import { API_KEY, CODE, certificateFor } from '../support/emulatorStack.ts';
import { eventually } from '../support/eventually.ts';

const never = new AbortController().signal;
/** Longer than any answer takes on a busy machine; a wedged process answers never. */
const PATIENCE_MS = 20_000;
/** Each input has a connection of its own: one that an answer ended says nothing of the next input. */
const FRESH = new Agent({ keepAlive: false });
export const NUMBER = '16315557700';
const ADMIN = { name: 'admin', password: 'Passw0rd!-test' };
const AGENT = { name: 'agent', password: 'Passw0rd!-agent' };

export type Role = 'admin' | 'agent' | 'key' | 'nobody';
export interface HttpInput {
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer | Iterable<Uint8Array> | AsyncIterable<Uint8Array>;
}
/** A TCP port that speaks frames. */
export interface FramePort {
  readonly host: string;
  readonly port: number;
}

/** A registered stack whose roles are processes, and the ways in which strangers reach them. */
export class Target {
  readonly processes: EmulatorProcesses;
  #address: ApiAddress;
  readonly #tokens: Record<Role, string> = { admin: '', agent: '', key: `Apikey ${API_KEY}`, nobody: '' };
  /** An uploaded picture. */
  mediaId = '';

  private constructor(processes: EmulatorProcesses, address: ApiAddress) {
    this.processes = processes;
    this.#address = address;
  }

  static async start(): Promise<Target> {
    const processes = await EmulatorProcesses.start(['coreapp-0'], { isSingle: true });
    const target = new Target(processes, await processes.webappAddress());
    await target.#register();
    return target;
  }

  async #register(): Promise<void> {
    const client = await this.processes.client();
    const session = await eventually(
      () => client.users.login(ADMIN.name, 'secret', { newPassword: ADMIN.password }, never),
      60_000,
    );
    this.#tokens.admin = `Bearer ${session.token}`;
    await client.users.create(session, AGENT.name, AGENT.password, never);
    this.#tokens.agent = `Bearer ${(await client.users.login(AGENT.name, AGENT.password, {}, never)).token}`;
    const number = { cc: '1', phone_number: NUMBER.slice(1), method: 'sms', cert: certificateFor(NUMBER) };
    await eventually(() => client.account.requestCode(session, number as never, never), 60_000);
    await client.account.verify(session, CODE, never);
    client.close();
    const upload = { method: 'POST', path: '/v1/media', headers: { 'content-type': 'image/png' }, body: PNG };
    this.mediaId = JSON.parse(await this.api(upload, 'admin', (text) => text)).media[0].id;
  }

  /** Whether the stack still does what it is for. */
  async works(): Promise<boolean> {
    const message = JSON.stringify({ to: '16505551234', type: 'text', text: { body: 'still here' } });
    const sent = await this.api({ method: 'POST', path: '/v1/messages', body: message }, 'agent');
    const health = await this.api({ method: 'GET', path: '/v1/health' }, 'admin', (text) => text);
    return sent === '201' && JSON.parse(health).health.gateway_status === 'connected';
  }

  async restartWebapp(): Promise<void> {
    await this.processes.restart('webapp-0');
    this.#address = await this.processes.webappAddress();
  }

  get framePorts(): Readonly<Record<string, FramePort>> {
    const host = this.processes.address('coreapp-0');
    const nodes = Object.entries(NODE_PORTS).map(([name, port]) => [`coreapp ${name}`, { host, port }]);
    return Object.fromEntries([
      ...nodes,
      ['network', { host: '127.0.0.1', port: this.processes.networkPort }],
    ]);
  }

  /** A call of the API. @returns the status with the code of the error: `400 1009` */
  async api(
    { method, path, headers = {}, body }: HttpInput,
    role: Role,
    read: (text: string, status: number) => string = outcomeOf,
  ): Promise<string> {
    const { host, port, caPem: ca } = this.#address;
    const authorization = this.#tokens[role];
    const given = { ...(authorization ? { authorization } : {}), ...headers };
    const answer = await openHttps(
      { to: { host, port, path }, agent: FRESH, ca, method, headers: given, body, timeoutMs: PATIENCE_MS },
      never,
    ).catch(closedOr);
    if (answer === 'closed') return answer;
    const text = Buffer.concat(await answer.toArray()).toString('utf8');
    return read(text, answer.statusCode ?? 0);
  }

  /** A call of the control API. @returns its status */
  control({ method, path, headers = {}, body }: HttpInput): Promise<string> {
    const port = this.processes.controlPort;
    return new Promise((resolve, reject) => {
      const outgoing = httpRequest({
        host: '127.0.0.1',
        port,
        agent: false,
        method,
        path,
        headers,
        timeout: PATIENCE_MS,
      });
      outgoing.on('response', (answer) => {
        answer.on('error', () => {});
        answer.resume().on('close', () => resolve(String(answer.statusCode)));
        // A stream without an end, such as that of events, has been answered.
        if (answer.headers['content-type']?.includes('event-stream')) answer.destroy();
      });
      outgoing.on('timeout', () => outgoing.destroy(new Error('no answer')));
      outgoing.on('error', (error) => {
        try {
          resolve(closedOr(error));
        } catch (other) {
          reject(other);
        }
      });
      void send(outgoing, body);
    });
  }

  webapp(): Promise<Socket> {
    const { host, port, caPem: ca } = this.#address;
    return opened((done) => connectTls({ host, port, ca, checkServerIdentity: () => undefined }, done));
  }

  plainWebapp(): Promise<Socket> {
    const { host, port } = this.#address;
    return opened((done) => connectTcp({ host, port }, done));
  }

  controlSocket(): Promise<Socket> {
    return opened((done) => connectTcp({ host: '127.0.0.1', port: this.processes.controlPort }, done));
  }

  close(): Promise<void> {
    return this.processes.close();
  }

  authorization(role: Role): string {
    return this.#tokens[role];
  }
}

/** Whoever sends a body without an end may miss the answer, because the server closes behind it. */
function closedOr(error: unknown): 'closed' {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'EPIPE' || code === 'ECONNRESET') return 'closed';
  throw error;
}

/** Writes a body piece by piece; the server may answer and close before its end. */
async function send(outgoing: NodeJS.WritableStream, body: HttpInput['body']): Promise<void> {
  if (body === undefined || typeof body === 'string' || Buffer.isBuffer(body))
    return void outgoing.end(body ?? '');
  for await (const chunk of body) {
    if (!outgoing.writable) return;
    if (!outgoing.write(chunk)) await new Promise((resolve) => setTimeout(resolve, 1));
  }
  outgoing.end();
}

/** The status, and the code of a documented error. An internal error without details is one that nobody foresaw. */
function outcomeOf(text: string, status: number): string {
  const error = (safeJson(text) as { errors?: { code?: number; details?: string }[] } | undefined)
    ?.errors?.[0];
  if (!error) return String(status);
  const isUnforeseen = status >= 500 && error.details === undefined;
  return `${status} ${error.code}${isUnforeseen ? ' unforeseen' : ''}`;
}

export const connectFrames = ({ host, port }: FramePort): Promise<Socket> =>
  opened((done) => connectTcp({ host, port }, done));

function opened(connect: (done: () => void) => Socket): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(() => resolve(socket));
    socket.on('error', reject);
  });
}

/**
 * Sends bytes and waits for the end of the connection, or for `until` in the answer. @returns what was received;
 * `undefined` if nothing happened for a second, which is how a port ignores somebody
 */
export async function exchange(
  socket: Socket,
  bytes: string | Buffer | Iterable<Buffer>,
  until?: RegExp,
): Promise<{ text: string; isClosed: boolean }> {
  let text = '';
  socket.setEncoding('utf8');
  const over = new Promise<boolean>((resolve) => {
    // A port that reads much may take longer to make up its mind.
    const quietMs = typeof bytes === 'string' || Buffer.isBuffer(bytes) ? 1_000 : 10_000;
    const quiet = () => setTimeout(() => resolve(false), quietMs);
    let timer = setTimeout(() => resolve(false), PATIENCE_MS);
    const heard = () => {
      clearTimeout(timer);
      timer = quiet();
    };
    socket.on('data', (chunk: string) => {
      text += chunk;
      if (until?.test(text)) resolve(false);
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve(true));
    socket.on('drain', heard);
    if (typeof bytes === 'string' || Buffer.isBuffer(bytes)) socket.write(bytes, heard);
    else
      void (async () => {
        for (const chunk of bytes) {
          if (socket.destroyed) return;
          if (!socket.write(chunk)) await new Promise((done) => setTimeout(done, 1));
        }
        heard();
      })();
  });
  const isClosed = await over;
  socket.destroy();
  return { text, isClosed };
}
