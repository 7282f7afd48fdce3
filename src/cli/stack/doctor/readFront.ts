import { checkServerIdentity } from 'node:tls';
import { CodedError } from '../../../base/codedError.ts';
import { openHttps } from '../../../base/openHttps.ts';
import { StackClient } from '../../../client/stackClient.ts';
import { HttpsStackTransport } from '../../../client/stackTransport.ts';
import { kinds } from '../../../engine/kube/kubeObject.ts';
import type { MetricShape } from '../../../onprem/metrics.ts';
import { KEYS } from '../../../operator/plan/facts/generatedSecrets.ts';
import type { Journal } from '../../../operator/plan/facts/journal.ts';
import { names } from '../../../operator/plan/facts/names.ts';
import type { SecretObject } from '../../../operator/plan/facts/secrets.ts';
import { webappHost } from '../../../operator/plan/facts/stackSettings.ts';
import type { WhatsAppDeployment } from '../../../operator/resource/whatsAppDeployment.ts';
import { readJournal } from '../../../operator/state/journalStore.ts';
import type { Facts, Known } from './check.ts';
import type { ClockReading, SeenFront, StackCounters, StackValues } from './facts.ts';
import { fact, type Gatherer } from './gather.ts';
import { secretContent } from './secretContent.ts';
import { shakeHands } from './seenCertificates.ts';

/** The journal has the authority of the Webapps from then on. */
const NOT_REACHED = 'the API has not answered the operator yet';
const CALL_TIMEOUT_MS = 10_000;
/** The header Date has full seconds. */
const HALF_SECOND_MS = 500;

/** What a Webapp shows and answers, through one connection to its Service. */
export async function readFront(
  gatherer: Gatherer,
  resource: WhatsAppDeployment,
  serverAheadMs: number,
  signal: AbortSignal,
): Promise<Pick<Facts<StackValues>, 'front' | 'health' | 'counters'>> {
  const { namespace } = gatherer;
  const of = names(resource.metadata.name);
  if (resource.spec.hibernated) {
    const asleep: Known<never> = { unknown: 'the stack hibernates, so no Webapp runs' };
    return { front: asleep, health: asleep, counters: asleep };
  }
  const secretsRight = `get secrets in namespace ${namespace}`;
  const [journal, apiKey, reached] = await Promise.all([
    fact(gatherer, secretsRight, (until) => journalOf(gatherer, of.journal, until), signal),
    fact(gatherer, secretsRight, (until) => apiKeyOf(gatherer, of.keysSecret, until), signal),
    fact(
      gatherer,
      `create pods/portforward, and get services, in namespace ${namespace}`,
      (until) => gatherer.reach({ name: of.webapp, port: resource.spec.service?.ports?.https ?? 443 }, until),
      signal,
    ),
  ]);
  if ('unknown' in reached) return { front: reached, health: reached, counters: reached };
  const address = reached.value;
  const call = async <T>(use: (client: StackClient, key: string, until: AbortSignal) => Promise<T>) =>
    fact(
      gatherer,
      secretsRight,
      async (until) => {
        const { webappCa: ca, served } = known(journal);
        if (!ca) throw new CodedError('NotReady', NOT_REACHED);
        const client = new StackClient(
          new HttpsStackTransport({
            host: address.host,
            port: address.port,
            serverName: webappHost(resource),
            certificateNames: [webappHost(resource), ...(served?.names ?? [])],
            ca,
            timeoutMs: CALL_TIMEOUT_MS,
          }),
        );
        try {
          return await use(client, known(apiKey), until);
        } finally {
          client.close();
        }
      },
      signal,
    );
  try {
    const [front, health, counters] = await Promise.all([
      fact(
        gatherer,
        secretsRight,
        (until) => seeFront(gatherer, { address, resource, journal, serverAheadMs }, until),
        signal,
      ),
      call((client, apiKey, until) => client.health.nodes({ apiKey }, until)),
      call((client, apiKey, until) => readCounters(client, apiKey, until)),
    ]);
    return { front, health, counters };
  } finally {
    address.close();
  }
}

/** @throws CodedError `Unknown` */
function known<T>(found: Known<T>): T {
  if ('unknown' in found) throw new CodedError('Unknown', found.unknown);
  return found.value;
}

async function journalOf(gatherer: Gatherer, secretName: string, signal: AbortSignal): Promise<Journal> {
  return readJournal(
    await gatherer.client.get<SecretObject>(kinds.Secret, gatherer.namespace, secretName, signal),
  );
}

async function apiKeyOf(gatherer: Gatherer, secretName: string, signal: AbortSignal): Promise<string> {
  const key = (await secretContent(gatherer, secretName, signal))?.[KEYS.apiKey];
  if (key === undefined) throw new CodedError('NotFound', `Secret ${secretName} has no key ${KEYS.apiKey}`);
  return key;
}

async function seeFront(
  { clock }: Gatherer,
  seen: {
    readonly address: { readonly host: string; readonly port: number };
    readonly resource: WhatsAppDeployment;
    readonly journal: Known<Journal>;
    readonly serverAheadMs: number;
  },
  signal: AbortSignal,
): Promise<SeenFront> {
  const { address, resource, journal, serverAheadMs } = seen;
  const servername = webappHost(resource);
  const { webappCa: ca, served } = 'value' in journal ? journal.value : {};
  const { chain, untrusted, leaf } = await shakeHands(
    { host: address.host, port: address.port, servername, ca, anyName: true },
    signal,
  );
  const [first] = chain;
  if (!first) throw new CodedError('BadAnswer', 'the Webapp shows no certificate');
  const isNamed = [servername, ...(served?.names ?? [])].some(
    (name) => checkServerIdentity(name, leaf) === undefined,
  );
  const problem = untrusted ?? (isNamed ? undefined : `it does not bear the name ${servername}`);
  return {
    certificate: { where: 'served by the Webapps', ...first, isRenewed: false },
    untrusted:
      'unknown' in journal ? journal : ca === undefined ? { unknown: NOT_REACHED } : { value: problem },
    clock: await webappClock(clock, address, serverAheadMs, signal),
  };
}

async function webappClock(
  clock: Gatherer['clock'],
  address: { readonly host: string; readonly port: number },
  serverAheadMs: number,
  signal: AbortSignal,
): Promise<ClockReading | undefined> {
  const before = clock.now();
  const answer = await openHttps(
    {
      to: { host: address.host, port: address.port, path: '/' },
      method: 'GET',
      rejectUnauthorized: false,
      timeoutMs: CALL_TIMEOUT_MS,
    },
    signal,
  );
  const after = clock.now();
  const { date } = answer.headers;
  answer.destroy();
  if (date === undefined) return undefined;
  const ours = (before + after) / 2;
  return {
    whose: 'a Webapp',
    aheadMs: Date.parse(date) + HALF_SECOND_MS - (ours + serverAheadMs),
    // Both clocks were read in full seconds.
    errorMs: 2 * HALF_SECOND_MS + (after - before) / 2,
  };
}

async function readCounters(
  client: StackClient,
  apiKey: string,
  signal: AbortSignal,
): Promise<StackCounters> {
  const nodes = Object.values(await client.stats.nodes({ apiKey }, 'db', signal));
  const most = (metric: string): number | undefined => {
    const values = nodes.flatMap((metrics) => valuesOf(metrics[metric]));
    return values.length === 0 ? undefined : Math.max(...values);
  };
  return { callbacks: most('db_pending_callbacks'), messages: most('db_pending_messages') };
}

const valuesOf = (metric: MetricShape | undefined): number[] =>
  (metric?.data ?? []).map(({ value }) => value);
