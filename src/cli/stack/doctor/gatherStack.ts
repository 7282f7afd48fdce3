import { CodedError } from '../../../base/codedError.ts';
import { type KubeObject, kinds, type ResourceKind } from '../../../engine/kube/kubeObject.ts';
import { FORBIDDEN_PASSWORD_CHARACTERS } from '../../../onprem/environment.ts';
import { generatedSecretNames, labels, MANAGED_SELECTOR } from '../../../operator/plan/facts/names.ts';
import { databaseAddress } from '../../../operator/plan/facts/stackSettings.ts';
import type { WhatsAppDeployment } from '../../../operator/resource/whatsAppDeployment.ts';
import { referencedSecretNames } from '../../../operator/state/stackSources.ts';
import type { Facts } from './check.ts';
import type { ClaimObject, SeenCertificate, ServiceObject, StackPod, StackValues, Warning } from './facts.ts';
import { fact, type Gatherer } from './gather.ts';
import { readConnections, readHosts, readVolumes } from './inPods.ts';
import { readFront } from './readFront.ts';
import { secretContent } from './secretContent.ts';
import { certificatesIn, seeReceiver } from './seenCertificates.ts';

/** Events before that are history. */
const RECENT_MS = 10 * 60_000;

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
        const ca = reference && (await secretContent(gatherer, reference.name, until))?.[reference.key];
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
    // They only explain what other facts show, so nothing depends on the right to read them.
    warnings: 'value' in warnings ? warnings : { value: [] },
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
  const { items } = await client.list<EventObject>(kinds.Event, { namespace }, signal);
  return items
    .filter(({ type }) => type === 'Warning')
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
        const password = (await secretContent(gatherer, secretName, until))?.[passwordKey];
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
        (await secretContent(gatherer, secretName, signal)) ?? {},
        generated.includes(secretName),
      ),
    ),
  );
  return found.flat();
}
