import type { Clock } from '../../base/clock.ts';
import { describeError } from '../../base/codedError.ts';
import type { ReconcileResult } from '../../engine/controller/controller.ts';
import { isNotFound } from '../../engine/kube/apiError.ts';
import type { KubeClient } from '../../engine/kube/client.ts';
import type { EventRecorder } from '../../engine/kube/eventRecorder.ts';
import { type KubeObject, keyOf, kindOf } from '../../engine/kube/kubeObject.ts';
import type { SnapshotStep } from '../plan/decide/snapshot.ts';
import { clusterChoice, clusterName } from '../plan/facts/databaseCluster.ts';
import { CLEANUP_FINALIZER, NETWORK, names, sharesNetwork } from '../plan/facts/names.ts';
import { networkUsers } from '../plan/facts/networkUsers.ts';
import { reasonOf, unmet, type Verdict } from '../plan/tell/conditions.ts';
import { databaseClusters } from '../resource/databaseClusters.ts';
import type { WhatsAppDeployment } from '../resource/whatsAppDeployment.ts';
import { parsedStacks, type StackSources, WhatsAppDeploymentKind } from '../state/stackSources.ts';
import { claimHolders } from './claimHolders.ts';
import { leftClaims } from './leftClaims.ts';
import { type RemoveSubscriptionOptions, removeSubscription } from './removeSubscription.ts';
import { type SnapshotOptions, takeSnapshot } from './takeSnapshot.ts';

/**
 * How long the operator retries deletions that the API server refuses. After that it releases the resource anyway, because
 * its user wants it gone, and names the remaining objects in an event.
 */
const DEADLINE_MS = 10 * 60_000;
const BUSY_RETRY_MS = 500;
/** Nothing reports that a refused deletion is allowed now. */
const REFUSED_RETRY_MS = 10_000;
/** Nothing reports that the Cloud API answers now. */
const FAREWELL_RETRY_MS = 5_000;
/** Watches report pods and backups; this is for what they do not. */
const SNAPSHOT_LOOK_MS = 10_000;

/** Whether its data go with the resource, at once or after a last backup. */
const deletesData = ({ spec }: Pick<WhatsAppDeployment, 'spec'>): boolean => spec.deletionPolicy !== 'Retain';

/** Whether the resource needs the finalizer: its data go with it, or the Cloud API must forget its webhook. */
export const wantsFinalizer = (resource: Pick<WhatsAppDeployment, 'spec'>): boolean =>
  deletesData(resource) || resource.spec.cloud?.webhook !== undefined;

export interface FinalizeOptions extends SnapshotOptions, Pick<RemoveSubscriptionOptions, 'gateways'> {
  readonly recorder: EventRecorder;
  readonly clock: Clock;
  /** Whether the application controller works on the stack: a journal that it writes after the deletion would stay. */
  readonly isBusy: (key: string) => boolean;
}

export interface Finalized extends ReconcileResult {
  /** What the status of the resource says while it is still there. */
  readonly ready?: Verdict<'Ready'>;
}

/** An object that could not be deleted. */
interface Left {
  readonly object: Pick<KubeObject, 'kind'> & { readonly metadata: { readonly name: string } };
  readonly why: string;
}
/**
 * Whether the data of the shared network process goes with this stack: nobody else uses the process, and no stack was
 * deleted whose data was kept, because its registration is in that data.
 */
function isLastUser({ metadata, spec }: WhatsAppDeployment, sources: StackSources): boolean {
  // A snapshot may be restored, and WhatsApp forgets no number.
  if (!sharesNetwork(spec) || spec.deletionPolicy !== 'Delete') return false;
  const goes = (other: WhatsAppDeployment) =>
    other.metadata.deletionTimestamp !== undefined && other.spec.deletionPolicy === 'Delete';
  const stacks = parsedStacks(sources.stacks.cache.byIndex('namespace', metadata.namespace));
  const going = stacks.filter(goes).map((other) => names(other.metadata.name).journal);
  const isAlone = networkUsers(stacks).every((other) => goes(other));
  const isJournal = ({ kind, metadata: { name, namespace } }: KubeObject) =>
    kind === 'Secret' && namespace === metadata.namespace && name.endsWith(JOURNAL_SUFFIX);
  const kept = sources.children.flatMap(({ kind, cache }) =>
    kind.kind === 'Secret' ? cache.list().filter(isJournal) : [],
  );
  return isAlone && kept.every(({ metadata: { name } }) => going.includes(name));
}
const JOURNAL_SUFFIX = names('').journal;

/**
 * A gateway removes its subscription first. Under `deletionPolicy: Delete`: deletes the objects without owner reference, the journal last. Under `Snapshot`, a last backup
 * comes before. The policy can still be changed meanwhile.
 */
export async function finalize(
  resource: WhatsAppDeployment,
  stored: KubeObject,
  options: FinalizeOptions,
  signal: AbortSignal,
): Promise<Finalized> {
  const { namespace, finalizers } = resource.metadata;
  if (!finalizers.includes(CLEANUP_FINALIZER)) return waitsForOthers(finalizers);
  const { client, clock } = options;
  const farewell = await removeSubscription(resource, stored, options, signal);
  if (farewell) return { ready: farewell, requeueAfterMs: FAREWELL_RETRY_MS };
  if (!deletesData(resource)) return release(resource, stored, client, signal);
  const deletedMs = Date.parse(resource.metadata.deletionTimestamp ?? '');
  if (options.isBusy(keyOf(stored)) && clock.now() <= deletedMs + DEADLINE_MS)
    return { requeueAfterMs: BUSY_RETRY_MS };
  const snapshot =
    resource.spec.deletionPolicy === 'Snapshot'
      ? await takeSnapshot(resource, stored, options, signal).catch(letGoWithNamespace)
      : undefined;
  if (snapshot && snapshot.do !== 'delete')
    return { ready: snapshot.ready, requeueAfterMs: SNAPSHOT_LOOK_MS };
  // The backup may have taken hours.
  const deadlineMs = (snapshot?.madeMs ?? deletedMs) + DEADLINE_MS;
  const isLate = clock.now() > deadlineMs;
  const left = await deleteRetained(resource, options, signal);
  const unseen = options.missing(namespace);
  if (!isLate && left.length + unseen.length > 0)
    return { ready: blocked(resource, left, unseen, deadlineMs), requeueAfterMs: REFUSED_RETRY_MS };
  if (left.length > 0) {
    const message = `the operator could not delete these within ${DEADLINE_MS / 60_000} min; run: ${commands(namespace, left)}. They are: ${listed(left)}`;
    options.recorder.record(stored, { type: 'Warning', reason: 'CleanupIncomplete', message });
  }
  const secrets = keptSecrets(resource);
  if (secrets.length > 0)
    options.recorder.record(stored, {
      type: 'Normal',
      reason: 'SecretsKept',
      message: `the data in the database stays, and so do the Secrets that it needs: ${secrets.join(', ')}`,
    });
  return release(resource, stored, client, signal);
}

/** Kubernetes deletes the data together with the namespace, and nothing can be created in it any more. */
function letGoWithNamespace(error: unknown): SnapshotStep {
  if (reasonOf(error) !== 'NamespaceTerminating') throw error;
  return { do: 'delete', madeMs: undefined };
}

/** The operator cannot delete an external database, nor a cluster that somebody else made. Its data needs these, also when the stack is created again. */
function keptSecrets({ metadata, spec }: WhatsAppDeployment): string[] {
  const { journal, adminSecret, keysSecret } = names(metadata.name);
  // A cluster that the operator created goes with its data.
  const goes = spec.database.managed !== undefined || clusterChoice({ metadata, spec })?.isOurs;
  return goes ? [] : [journal, adminSecret, keysSecret];
}

/** Kinds of objects without owner reference. */
const RETAINED_KINDS: readonly string[] = [
  'Secret',
  'PersistentVolumeClaim',
  ...Object.values(databaseClusters).flatMap(({ kind, companions }) => [kind, ...companions]),
];

/** What was not deleted. @throws only when `signal` fires */
async function deleteRetained(
  resource: WhatsAppDeployment,
  { sources, client }: FinalizeOptions,
  signal: AbortSignal,
): Promise<Left[]> {
  const { namespace, name } = resource.metadata;
  const { journal } = names(name);
  const kept = keptSecrets(resource);
  const parts = [name, ...(isLastUser(resource, sources) ? [NETWORK.name] : [])];
  const retained = sources.children
    .flatMap(({ cache }) => parts.flatMap((part) => cache.byIndex('stack', `${namespace}/${part}`)))
    .filter(({ kind }) => RETAINED_KINDS.includes(kind))
    .filter(({ kind, metadata }) => !(kind === 'Secret' && kept.includes(metadata.name)))
    .filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  const holders = claimHolders(
    retained.filter(({ kind }) => kind === 'PersistentVolumeClaim'),
    sources,
  );
  const left: Left[] = [];
  const claims = await leftClaims(resource, { sources, client }, signal).catch((error: unknown) => {
    if (signal.aborted) throw error;
    const unseen = { kind: 'PersistentVolumeClaim', metadata: { name: `datadir-${clusterName(name)}-0` } };
    left.push({ object: unseen, why: describeError(error) });
    return [];
  });
  const isJournal = ({ metadata }: KubeObject) => Number(metadata.name === journal);
  for (const object of [...holders, ...retained, ...claims].sort((a, b) => isJournal(a) - isJournal(b))) {
    // Without its journal, the rest could not be told from another stack's.
    if (object.metadata.name === journal && left.length > 0) break;
    await client
      .delete(
        kindOf(object),
        namespace,
        object.metadata.name,
        // Without it, a Job leaves its pods.
        { uid: object.metadata.uid, propagation: 'Background' },
        signal,
      )
      .catch((error: unknown) => {
        if (signal.aborted) throw error;
        if (!isNotFound(error)) left.push({ object, why: describeError(error) });
      });
  }
  return left;
}

async function release(
  { metadata: { namespace, name, finalizers } }: WhatsAppDeployment,
  stored: KubeObject,
  client: KubeClient,
  signal: AbortSignal,
): Promise<Finalized> {
  const rest = finalizers.filter((finalizer) => finalizer !== CLEANUP_FINALIZER);
  await client
    .mergePatch(
      WhatsAppDeploymentKind,
      { namespace, name },
      { metadata: { finalizers: rest, resourceVersion: stored.metadata.resourceVersion } },
      signal,
    )
    .catch((error: unknown) => {
      if (!isNotFound(error)) throw error;
    });
  return {};
}

function waitsForOthers(finalizers: readonly string[]): Finalized {
  if (finalizers.length === 0) return {};
  const message = `the resource is being deleted; its stack runs until the controllers of these finalizers remove them: ${finalizers.join(', ')}`;
  return { ready: unmet('Ready', 'Deleting', message) };
}

function blocked(
  { metadata: { namespace } }: WhatsAppDeployment,
  left: readonly Left[],
  unseen: readonly string[],
  deadlineMs: number,
): Verdict<'Ready'> {
  const until = new Date(deadlineMs).toISOString().replace(/\.\d+Z$/, 'Z');
  const what = [
    ...(left.length > 0
      ? [`the operator cannot delete ${listed(left)}; run: ${commands(namespace, left)}`]
      : []),
    ...(unseen.length > 0 ? [`the operator cannot see what it must delete: ${unseen.join('; ')}`] : []),
  ].join('. ');
  const message = `${what}. It tries again until ${until}, and then lets the resource go and leaves what is there`;
  return unmet('Ready', 'CleanupBlocked', message);
}

const listed = (left: readonly Left[]): string =>
  left.map(({ object, why }) => `${object.kind} ${object.metadata.name} (${why})`).join(', ');

const commands = (namespace: string, left: readonly Left[]): string =>
  `kubectl -n ${namespace} delete ${left.map(({ object }) => `${object.kind.toLowerCase()}/${object.metadata.name}`).join(' ')}`;
