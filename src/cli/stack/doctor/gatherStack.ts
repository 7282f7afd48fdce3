import { checkServerIdentity } from 'node:tls';
import { CodedError } from '../../../base/codedError.ts';
import { openHttps } from '../../../base/openHttps.ts';
import { StackClient } from '../../../client/stackClient.ts';
import { HttpsStackTransport } from '../../../client/stackTransport.ts';
import { isNotFound } from '../../../engine/kube/apiError.ts';
import { type KubeObject, kinds, type ResourceKind } from '../../../engine/kube/kubeObject.ts';
import { FORBIDDEN_PASSWORD_CHARACTERS } from '../../../onprem/environment.ts';
import type { MetricShape } from '../../../onprem/metrics.ts';
import { KEYS } from '../../../operator/plan/facts/generatedSecrets.ts';
import type { Journal } from '../../../operator/plan/facts/journal.ts';
import { generatedSecretNames, labels, MANAGED_SELECTOR, names } from '../../../operator/plan/facts/names.ts';
import { decodeSecret, type SecretObject } from '../../../operator/plan/facts/secrets.ts';
import { databaseAddress, webappHost } from '../../../operator/plan/facts/stackSettings.ts';
import type { WhatsAppDeployment } from '../../../operator/resource/whatsAppDeployment.ts';
import { readJournal } from '../../../operator/state/journalStore.ts';
import { referencedSecretNames } from '../../../operator/state/stackSources.ts';
import type { Facts, Known } from './check.ts';
import type {
  ClaimObject,
  ClockReading,
  SeenCertificate,
  SeenFront,
  ServiceObject,
  StackCounters,
  StackPod,
  StackValues,
  Warning,
} from './facts.ts';
import { fact, type Gatherer } from './gather.ts';
import { readConnections, readHosts, readVolumes } from './inPods.ts';
import { certificatesIn, seeReceiver, shakeHands } from './seenCertificates.ts';

/** Events before that are history. */
const RECENT_MS = 10 * 60_000;
const CALL_TIMEOUT_MS = 10_000;
/** The header Date has full seconds. */
const HALF_SECOND_MS = 500;

/** Facts of one stack. All are asked for at once. `serverAheadMs`: how far the clock of the API server is ahead of ours. */
export async function gatherStack(
  gatherer: Gatherer,
  { stored, resource }: { readonly stored: KubeObject; readonly resource: WhatsAppDeployment },
  serverAheadMs: number,
  signal: AbortSignal,
): Promise<Facts<StackValues>> {
  const { client, namespace } = gatherer;
  const { name } = resource.metadata;
  const ask = <T>(right: string, read: (signal: AbortSignal) => Promise<T>) =>
    fact(gatherer, right, read, signal);
  const own = <T extends KubeObject>(kind: ResourceKind) =>
    ask(`list ${kind.plural} in namespace ${namespace}`, async (until) => {
      const where = { namespace, labelSelector: `${MANAGED_SELECTOR},${labels.instance}=${name}` };
      return (await client.list<T>(kind, where, until)).items;
    });
  const pods = own<StackPod>(kinds.Pod);
  const inPods = async <T>(read: (pods: readonly StackPod[]) => Promise<T>): Promise<T> => {
    const found = await pods;
    if ('unknown' in found) throw new CodedError('Unknown', found.unknown);
    return read(found.value);
  };
  const execRight = `create pods/exec in namespace ${namespace}`;
  const [foundPods, services, claims, warnings, secrets, front, receiver, volumes, connections, hosts] =
    await Promise.all([
      pods,
      own<ServiceObject>(kinds.Service),
      own<ClaimObject>(kinds.PersistentVolumeClaim),
      ask(`list events in namespace ${namespace}`, (until) => readWarnings(gatherer, resource, until)),
      readSecretFacts(gatherer, resource, signal),
      readFront(gatherer, resource, serverAheadMs, signal),
      ask(`get secrets in namespace ${namespace}`, async (until) => {
        const { webhook } = resource.spec;
        if (!webhook) return undefined;
        const reference = webhook.caSecretRef;
        const ca = reference && (await contentOf(gatherer, reference.name, until))?.[reference.key];
        return seeReceiver({ url: webhook.url, ca }, until);
      }),
      ask(`get nodes/proxy, or ${execRight}`, (until) => inPods((all) => readVolumes(gatherer, all, until))),
      ask(execRight, (until) => inPods((all) => readConnections(gatherer, resource, all, until))),
      ask(execRight, (until) => inPods((all) => readHosts(gatherer, resource, all, until))),
    ]);
  return {
    resource: { value: resource },
    changedMs: { value: changedMs(stored) },
    pods: foundPods,
    services,
    claims,
    warnings,
    ...secrets,
    ...front,
    receiver,
    volumes,
    connections,
    hosts,
  };
}

/** When somebody last changed something other than the status. */
function changedMs({ metadata }: KubeObject): number {
  const changes = (metadata.managedFields ?? []) as readonly {
    readonly time?: string;
    readonly subresource?: string;
  }[];
  const times = changes.flatMap(({ time, subresource }) => (subresource === undefined && time ? [time] : []));
  return Math.max(...[metadata.creationTimestamp ?? '', ...times].map((time) => Date.parse(time) || 0));
}

type EventObject = KubeObject & {
  readonly type?: string;
  readonly reason?: string;
  readonly message?: string;
  readonly lastTimestamp?: string | null;
  readonly eventTime?: string | null;
  readonly involvedObject?: { readonly kind?: string; readonly name?: string };
};

async function readWarnings(
  { client, clock, namespace }: Gatherer,
  { metadata: { name } }: WhatsAppDeployment,
  signal: AbortSignal,
): Promise<Warning[]> {
  const { items } = await client.list<EventObject>(
    kinds.Event,
    { namespace, fieldSelector: 'type=Warning' },
    signal,
  );
  return items
    .map(({ metadata, reason = '', message = '', lastTimestamp, eventTime, involvedObject: of }) => ({
      timeMs: Date.parse(lastTimestamp ?? eventTime ?? metadata.creationTimestamp ?? '') || 0,
      object: `${of?.kind}/${of?.name}`,
      isOwn: of?.name === name || of?.name?.startsWith(`${name}-`),
      reason,
      message,
    }))
    .filter(({ timeMs, isOwn }) => isOwn && clock.now() - timeMs < RECENT_MS)
    .sort((a, b) => b.timeMs - a.timeMs)
    .map(({ object, reason, message }) => ({ object, reason, message }));
}

/** The content of a Secret, which the mask hides from now on; undefined if it does not exist. */
async function contentOf(
  { client, namespace, mask }: Gatherer,
  secretName: string,
  signal: AbortSignal,
): Promise<Readonly<Record<string, string>> | undefined> {
  try {
    const content = decodeSecret(await client.get<SecretObject>(kinds.Secret, namespace, secretName, signal));
    mask.learn(content);
    return content;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

async function readSecretFacts(
  gatherer: Gatherer,
  resource: WhatsAppDeployment,
  signal: AbortSignal,
): Promise<Pick<Facts<StackValues>, 'forbiddenCharacters' | 'certificates'>> {
  const right = `get secrets in namespace ${gatherer.namespace}`;
  const [forbiddenCharacters, certificates] = await Promise.all([
    fact(
      gatherer,
      right,
      async (until) => {
        const { secretName, passwordKey } = databaseAddress(resource);
        const password = (await contentOf(gatherer, secretName, until))?.[passwordKey];
        if (password === undefined)
          throw new CodedError(
            'NotFound',
            `Secret ${secretName} does not exist, or has no key ${passwordKey}`,
          );
        const found = [...password].filter((character) => FORBIDDEN_PASSWORD_CHARACTERS.includes(character));
        return { secretName, characters: [...new Set(found)].join('') };
      },
      signal,
    ),
    fact(gatherer, right, (until) => readCertificates(gatherer, resource, until), signal),
  ]);
  return { forbiddenCharacters, certificates };
}

async function readCertificates(
  gatherer: Gatherer,
  resource: WhatsAppDeployment,
  signal: AbortSignal,
): Promise<SeenCertificate[]> {
  // The operator renews what it generated; what the resource refers to is somebody else's.
  const generated = generatedSecretNames(resource);
  const all = [...new Set([...generated, ...referencedSecretNames(resource)])];
  const found = await Promise.all(
    all.map(async (secretName) =>
      certificatesIn(
        secretName,
        (await contentOf(gatherer, secretName, signal)) ?? {},
        generated.includes(secretName),
      ),
    ),
  );
  return found.flat();
}

/** What a Webapp shows and answers, through one connection to its Service. */
async function readFront(
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
  const journal = fact(gatherer, secretsRight, (until) => journalOf(gatherer, of.journal, until), signal);
  const apiKey = fact(gatherer, secretsRight, (until) => apiKeyOf(gatherer, of.keysSecret, until), signal);
  const reached = await fact(
    gatherer,
    `create pods/portforward, and get services, in namespace ${namespace}`,
    (until) => gatherer.reach({ name: of.webapp, port: resource.spec.service?.ports?.https ?? 443 }, until),
    signal,
  );
  if ('unknown' in reached) return { front: reached, health: reached, counters: reached };
  const address = reached.value;
  const call = async <T>(use: (client: StackClient, key: string, until: AbortSignal) => Promise<T>) =>
    fact(
      gatherer,
      secretsRight,
      async (until) => {
        const { webappCa: ca, served } = known(await journal);
        if (!ca) throw new CodedError('NotReady', 'the API has not answered the operator yet');
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
          return await use(client, known(await apiKey), until);
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
        async (until) => {
          const read = await journal;
          const trusted = 'value' in read ? read.value : undefined;
          return seeFront(gatherer, { address, resource, journal: trusted, serverAheadMs }, until);
        },
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
  const key = (await contentOf(gatherer, secretName, signal))?.[KEYS.apiKey];
  if (key === undefined) throw new CodedError('NotFound', `Secret ${secretName} has no key ${KEYS.apiKey}`);
  return key;
}

async function seeFront(
  { clock }: Gatherer,
  seen: {
    readonly address: { readonly host: string; readonly port: number };
    readonly resource: WhatsAppDeployment;
    readonly journal: Journal | undefined;
    readonly serverAheadMs: number;
  },
  signal: AbortSignal,
): Promise<SeenFront> {
  const { address, resource, journal, serverAheadMs } = seen;
  const servername = webappHost(resource);
  const { chain, untrusted, leaf } = await shakeHands(
    { host: address.host, port: address.port, servername, ca: journal?.webappCa, anyName: true },
    signal,
  );
  const [first] = chain;
  if (!first) throw new CodedError('BadAnswer', 'the Webapp shows no certificate');
  const bears = journal ? [servername, ...(journal.served?.names ?? [])] : [];
  const named = bears.some((name) => checkServerIdentity(name, leaf) === undefined);
  const isTold = journal?.webappCa !== undefined;
  return {
    certificate: { where: 'served by the Webapps', ...first, isRenewed: false },
    // Whoever may not read the journal does not know the authority.
    untrusted: isTold
      ? (untrusted ?? (named ? undefined : `it does not bear the name ${servername}`))
      : undefined,
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
