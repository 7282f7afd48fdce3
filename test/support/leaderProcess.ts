// A process that tests kill and suspend. It acts as a leader: holds a lease, writes under its fence, and has one long
// request in flight. It reports events on stdout, one JSON object per line.

import { sleep, systemClock } from '../../src/base/clock.ts';
import { silentLogger } from '../../src/base/logger.ts';
import { KubeClient } from '../../src/engine/kube/client.ts';
import type { KubeObject } from '../../src/engine/kube/kubeObject.ts';
import { LeaderElection } from '../../src/engine/kube/leaderElection.ts';
import { HttpsTransport, type KubeRequest } from '../../src/engine/kube/transport.ts';

const [server = '', caPem = '', namespace = '', identity = ''] = process.argv.slice(2);
const say = (event: string) => process.stdout.write(`${JSON.stringify({ event, atMs: Date.now() })}\n`);
const connect = (fence?: (request: KubeRequest) => void) =>
  new KubeClient(
    new HttpsTransport({
      credentials: {
        server,
        namespace,
        identity: async () => ({ revision: 'proxy', tls: { ca: caPem } }),
      },
      clock: systemClock,
      userAgent: `${identity}/1`,
      requestTimeoutMs: 60_000,
      ...(fence ? { fence } : {}),
    }),
  );
const election = new LeaderElection({
  client: connect(),
  namespace,
  name: 'leader',
  identity,
  clock: systemClock,
  random: Math.random,
  logger: silentLogger,
});
const client = connect(({ method }) => {
  if (method !== 'GET') election.assertLeader();
});
const object = (name: string): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace },
  data: { by: identity, at: String(Date.now()) },
});

await election.acquire(new AbortController().signal);
say('leading');
const kept = await election.lead(async (term) => {
  // The proxy answers after a minute, so the request is in flight when the process is suspended.
  const slow = client
    .apply(object('slow'), { fieldManager: identity, force: true }, term)
    .catch(() => say('aborted'));
  while (!term.aborted) {
    await client
      .apply(object('work'), { fieldManager: identity, force: true }, term)
      .catch((error: { code?: string }) => say(`refused ${error.code ?? String(error)}`));
    await sleep(systemClock, 100, term).catch(() => {});
  }
  await slow;
});
say(kept ? 'released' : 'lost');
// A controller that has lost its lease must not send this write.
await client
  .apply(object('late'), { fieldManager: identity, force: true }, new AbortController().signal)
  .catch((error: { code?: string }) => say(`refused ${error.code ?? String(error)}`));
process.exit(0);
