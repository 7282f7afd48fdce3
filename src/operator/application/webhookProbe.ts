import { lookup } from 'node:dns/promises';
import { request } from 'node:https';
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls, rootCertificates } from 'node:tls';

/** Where a look at a receiver ended. */
export interface WebhookProbe {
  /** The layer that failed, or the last one. */
  readonly layer: 'Dns' | 'Connect' | 'Tls' | 'Status';
  /** What to do; nothing where the receiver is well. */
  readonly problem: string | undefined;
  readonly latencyMs: number;
}

/** As long as a receiver may take before it counts as broken. Source: docs/onprem/deployment.md §8.3. */
const PATIENCE_MS = 5_000;

/**
 * Looks at a receiver layer by layer, as the stack will: name, connection, certificate, answer to an empty callback.
 * It looks from the operator's pod: network policies may treat that otherwise than a Coreapp's.
 */
export async function probeWebhook(
  url: string,
  ca: string | undefined,
  signal: AbortSignal,
): Promise<WebhookProbe> {
  const { hostname, port: given } = new URL(url);
  const host = hostname.replace(/^\[|\]$/g, '');
  const port = Number(given || 443);
  const startedAt = performance.now();
  const ended = (layer: WebhookProbe['layer'], problem?: string): WebhookProbe => ({
    layer,
    problem,
    latencyMs: performance.now() - startedAt,
  });
  const trusted = ca === undefined ? {} : { ca: [...rootCertificates, ca] };
  let address: string;
  try {
    ({ address } = await lookup(host));
  } catch (error) {
    return ended(
      'Dns',
      `the name ${host} is not found (${codeOf(error)}); correct spec.webhook.url, or the cluster's DNS`,
    );
  }
  try {
    await connects(signal, (done) => connectTcp({ host: address, port }, done));
  } catch (error) {
    return ended(
      'Connect',
      `${address} port ${port} takes no connection (${codeOf(error)}); is the receiver running, and may pods reach it?`,
    );
  }
  try {
    const options = { host: address, port, servername: isName(host) ? host : '', ...trusted };
    await connects(signal, (done) => connectTls(options, done));
  } catch (error) {
    return ended(
      'Tls',
      `the certificate of ${host} is not accepted (${codeOf(error)}); name its CA in spec.webhook.caSecretRef, or mend it`,
    );
  }
  try {
    const status = await patiently<number>(signal, (done, fail) => {
      const headers = {
        'content-type': 'application/json',
        'content-length': 2,
        'user-agent': 'waba-operator webhook check',
      };
      const outgoing = request(url, { method: 'POST', headers, ...trusted }, (answer) => {
        answer.resume();
        done(answer.statusCode ?? 0);
      });
      outgoing.once('error', fail);
      outgoing.end('{}');
      return () => outgoing.destroy();
    });
    return status === 200
      ? ended('Status')
      : ended(
          'Status',
          `the receiver answers an empty callback with ${status}; anything but 200 counts as a failure and is sent again`,
        );
  } catch (error) {
    return ended('Status', `the receiver does not answer within ${PATIENCE_MS / 1000} s (${codeOf(error)})`);
  }
}

const isName = (host: string): boolean => !/^[\d.]+$|:/.test(host);
const codeOf = (error: unknown): string =>
  (error as { code?: string }).code ?? (error instanceof Error ? error.message : String(error));

/** Opens a connection, and closes it again. */
const connects = (signal: AbortSignal, open: (done: () => void) => Socket): Promise<void> =>
  patiently(signal, (done, fail) => {
    const socket = open(done);
    socket.once('error', fail);
    return () => socket.destroy();
  });

/** Runs something that calls back, for a limited time. */
function patiently<T = void>(
  signal: AbortSignal,
  start: (done: (value: T) => void, fail: (error: unknown) => void) => () => void,
): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const end = (settle: () => void) => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      stop();
      settle();
    };
    const onAbort = () => end(() => reject(signal.reason));
    const timer = setTimeout(
      () => end(() => reject(Object.assign(new Error('timeout'), { code: 'ETIMEDOUT' }))),
      PATIENCE_MS,
    );
    signal.addEventListener('abort', onAbort, { once: true });
    const stop = start(
      (value) => end(() => resolve(value)),
      (error) => end(() => reject(error)),
    );
  });
}
