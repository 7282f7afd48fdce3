import { createConnection } from 'node:net';
import type { Engine } from './dialect.ts';

/** A MySQL server speaks first; a PostgreSQL server waits for its client. */
const GREETING_MS = 1_500;
const ANSWER_MS = 1_500;
/** The request for TLS of PostgreSQL's protocol, which takes no session: length 8, code 80877103. */
const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]);

/** Which server listens at an address, by its first bytes; undefined if it cannot be told. */
export function engineAt(
  { host, port }: { readonly host: string; readonly port: number },
  signal: AbortSignal,
): Promise<Engine | undefined> {
  return new Promise((resolve) => {
    const socket = createConnection({ host, port });
    let timer: NodeJS.Timeout | undefined;
    let hasAsked = false;
    const end = (engine?: Engine) => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      socket.destroy();
      resolve(engine);
    };
    const onAbort = () => end();
    signal.addEventListener('abort', onAbort, { once: true });
    timer = setTimeout(end, GREETING_MS);
    socket.once('error', () => end());
    socket.once('close', () => end());
    socket.once('connect', () => {
      clearTimeout(timer);
      timer = setTimeout(() => {
        hasAsked = true;
        socket.write(SSL_REQUEST);
        timer = setTimeout(end, ANSWER_MS);
      }, GREETING_MS);
    });
    socket.once('data', (data) => end(hasAsked ? ofAnswer(data) : ofGreeting(data)));
  });
}

const ofAnswer = (data: Buffer): Engine | undefined =>
  ['S', 'N', 'E'].includes(String.fromCharCode(data[0] ?? 0)) ? 'PGSQL' : undefined;

/** Length, then packet 0, then version 10 of the protocol, or an error. */
const ofGreeting = (data: Buffer): Engine | undefined =>
  data.length > 5 && data[3] === 0 && [10, 255].includes(data[4] ?? 0) ? 'MYSQL' : undefined;
