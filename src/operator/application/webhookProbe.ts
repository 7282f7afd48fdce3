import { lookup } from 'node:dns/promises';
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls, rootCertificates } from 'node:tls';
import { openHttps } from '../../base/openHttps.ts';
import { mayProbe, type ProbeScope } from './probeTargets.ts';

/** How far a probe of a webhook receiver got. */
export interface WebhookProbe {
  /** The layer that failed, or the last one. */
  readonly layer: 'Dns' | 'Connect' | 'Tls' | 'Status';
  /** What is wrong and how to fix it; undefined if the receiver answered with 200. */
  readonly problem: string | undefined;
  /** Why the operator did not connect to the receiver at all. */
  readonly skipped?: string;
  readonly latencyMs: number;
}

export interface ProbeTarget {
  readonly url: string;
  /** PEM; undefined for the authorities that everybody trusts. */
  readonly ca: string | undefined;
  /** The namespace of the stack. */
  readonly namespace: string;
}

/** A receiver that takes longer counts as broken. Source: docs/onprem/deployment.md §8.3. */
const PATIENCE_MS = 5_000;

/**
 * Probes a receiver layer by layer, as the stack will use it: name, connection, certificate, and the answer to an empty
 * callback. The probe runs in the operator's pod: network policies may treat a Coreapp differently.
 */
export async function probeWebhook(
  { url, ca, namespace }: ProbeTarget,
  scope: ProbeScope,
  signal: AbortSignal,
): Promise<WebhookProbe> {
  const { hostname, port: given } = new URL(url);
  const host = hostname.replace(/^\[|\]$/g, '');
  const port = Number(given || 443);
  const trusted: Trusted = ca === undefined ? {} : { ca: [...rootCertificates, ca] };
  const startedAt = performance.now();
  const ended = (layer: WebhookProbe['layer'], problem?: string): WebhookProbe => ({
    layer,
    problem,
    latencyMs: performance.now() - startedAt,
  });
  const found = await outcome(signal, () => lookup(host));
  if ('error' in found)
    return ended(
      'Dns',
      `the name ${host} has no address (${found.error}); correct spec.webhook.url, or the DNS of the cluster`,
    );
  const { address } = found.value;
  if (!mayProbe({ host, address, namespace }, scope))
    return {
      ...ended('Dns'),
      skipped: `${host} has the address ${address}, which is not public and no Service of namespace ${namespace}, so the operator does not connect to it (its flag --webhook-probes=All would allow it); send a message, and watch whether callbacks arrive`,
    };
  const connection = await outcome(signal, () =>
    connects(signal, (done) => connectTcp({ host: address, port }, done)),
  );
  if ('error' in connection)
    return ended(
      'Connect',
      `${address} port ${port} accepts no connection (${connection.error}); start the receiver, or allow the operator's pod and the pods of this namespace to reach it`,
    );
  const servername = isName(host) ? host : '';
  const handshake = await outcome(signal, () =>
    connects(signal, (done) => connectTls({ host: address, port, servername, ...trusted }, done)),
  );
  if ('error' in handshake)
    return ended(
      'Tls',
      `the certificate of ${host} is not trusted (${handshake.error}); name its CA in spec.webhook.caSecretRef, or replace the certificate`,
    );
  return ended('Status', await answerProblem({ url, address, servername }, trusted, signal));
}

interface Receiver {
  readonly url: string;
  /** The address that was checked: a second look-up of the name could find another one. */
  readonly address: string;
  readonly servername: string;
}

interface Trusted {
  /** PEM of every authority that may have signed the receiver's certificate; undefined for the default ones. */
  readonly ca?: string[];
}

async function answerProblem(
  receiver: Receiver,
  trusted: Trusted,
  signal: AbortSignal,
): Promise<string | undefined> {
  const answer = await outcome(signal, () => postEmptyCallback(receiver, trusted, signal));
  if ('error' in answer)
    return `the receiver did not answer within ${PATIENCE_MS / 1000} s (${answer.error}); it must answer before it processes a callback`;
  return answer.value === 200
    ? undefined
    : `the receiver answered an empty callback with ${answer.value}; it must answer with 200, or the stack sends every callback again`;
}

/** The status that the receiver answers with. */
const postEmptyCallback = (
  { url, address, servername }: Receiver,
  trusted: Trusted,
  signal: AbortSignal,
): Promise<number> =>
  patiently<number>(signal, (done, fail) => {
    // `patiently` ends the request first.
    const stop = new AbortController();
    const { host, port, pathname, search } = new URL(url);
    const headers = {
      host,
      'content-type': 'application/json',
      'content-length': 2,
      'user-agent': 'waba-operator webhook check',
    };
    const to = { host: address, port: Number(port || 443), path: `${pathname}${search}` };
    openHttps(
      { to, method: 'POST', headers, servername, body: '{}', timeoutMs: 2 * PATIENCE_MS, ...trusted },
      stop.signal,
    ).then((answer) => {
      done(answer.statusCode ?? 0);
      answer.destroy();
    }, fail);
    return () => stop.abort();
  });

/** The value of a layer, or the code of its error. @throws the reason of an aborted signal */
async function outcome<T>(
  signal: AbortSignal,
  run: () => Promise<T>,
): Promise<{ readonly value: T } | { readonly error: string }> {
  signal.throwIfAborted();
  try {
    return { value: await run() };
  } catch (error) {
    signal.throwIfAborted();
    const { code } = error as { code?: string };
    return { error: code ?? (error instanceof Error ? error.message : String(error)) };
  }
}

const isName = (host: string): boolean => !/^[\d.]+$|:/.test(host);

/** Opens a connection and closes it. */
const connects = (signal: AbortSignal, open: (done: () => void) => Socket): Promise<void> =>
  patiently(signal, (done, fail) => {
    const socket = open(done);
    socket.once('error', fail);
    return () => socket.destroy();
  });

/** Runs something that calls back, for at most `PATIENCE_MS`. `start` returns how to stop it. */
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
