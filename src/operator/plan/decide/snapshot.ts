import type { KubeObject } from '../../../engine/kube/kubeObject.ts';
import { BACKUP_KIND, type WhatsAppBackup } from '../../resource/whatsAppBackup.ts';
import { API_VERSION, type WhatsAppDeployment } from '../../resource/whatsAppDeployment.ts';
import { endedMs, isSnapshotOf, phaseOf, SNAPSHOT_OF, snapshotName } from '../facts/backups.ts';
import { componentOf, names } from '../facts/names.ts';
import { isServing, type Observation, ownedBy } from '../facts/observed.ts';
import { hasNodes } from '../facts/restoreStage.ts';
import { unmet, type Verdict } from '../tell/conditions.ts';
import { replicasOf } from './childChange.ts';
import { nodesToStop, runningJobs, runningNodes } from './runningParts.ts';

/** A stack that is being deleted. */
export interface SnapshotObserved extends Pick<Observation, 'resource' | 'children' | 'pods' | 'journal'> {
  /** The backup with the name of the snapshot, whoever made it. */
  readonly backup: WhatsAppBackup | undefined;
  /** Why the operator cannot read all of the namespace. */
  readonly missing: readonly string[];
}

/** What comes next before the data of a stack may be deleted, and what the condition Ready says meanwhile. */
export type SnapshotStep =
  /** StatefulSets and Deployments to scale. */
  | {
      readonly do: 'scale';
      readonly sets: readonly KubeObject[];
      readonly replicas: 0 | 1;
      readonly ready: Verdict<'Ready'>;
    }
  | { readonly do: 'create'; readonly backup: KubeObject; readonly ready: Verdict<'Ready'> }
  | { readonly do: 'wait'; readonly ready: Verdict<'Ready'> }
  /** The data may go. `madeMs`: since when, epoch ms; undefined if there was nothing to save. */
  | { readonly do: 'delete'; readonly madeMs: number | undefined };

/** Kubernetes adds it for `--cascade=foreground`. */
const FOREGROUND = 'foregroundDeletion';

/**
 * A pure function of what is observed, so that an operator which takes over goes on where the last one stopped. The nodes stop
 * first: a message that they took after the dump would be in no backup.
 */
export function nextSnapshotStep(observed: SnapshotObserved): SnapshotStep {
  const { resource, backup, missing } = observed;
  const name = snapshotName(resource);
  const isOurs = backup !== undefined && isSnapshotOf(backup, resource);
  if (isOurs && phaseOf(backup) === 'Completed') return { do: 'delete', madeMs: endedMs(backup) };
  if (missing.length > 0)
    return blocked(resource, `the operator cannot see what it must stop: ${missing.join('; ')}`);
  if (!mayHaveData(observed)) return { do: 'delete', madeMs: undefined };
  const obstacle = obstacleTo(observed);
  if (obstacle !== undefined) return blocked(resource, obstacle);
  const running = stoppingNodes(observed);
  if (running) return running;
  // A backup that was begun waits, or tries again, by itself.
  const waking = backup ? undefined : wakingDatabase(observed);
  if (waking) return waking;
  if (!backup)
    return {
      do: 'create',
      backup: snapshotOf(resource),
      ready: deleting(`making the last backup, WhatsAppBackup ${name}`),
    };
  if (!isOurs)
    return blocked(
      resource,
      `WhatsAppBackup ${name} has the name of the last backup and was not made by this deletion; delete it: kubectl -n ${resource.metadata.namespace} delete whatsappbackup ${name}`,
    );
  return stateOf(resource, backup);
}

/** Whether the databases were there once. A stack that never got so far can be deleted without a backup. */
const mayHaveData = (observed: SnapshotObserved): boolean =>
  observed.journal?.schemaDone !== undefined ||
  hasNodes(observed) ||
  observed.resource.status?.conditions?.some(
    ({ type, status }) => type === 'SchemaReady' && status === 'True',
  ) === true;

/** Why no snapshot can be made, whatever one waits for. */
function obstacleTo({ resource: { metadata, spec } }: SnapshotObserved): string | undefined {
  const { name, namespace, finalizers } = metadata;
  if (finalizers.includes(FOREGROUND))
    return `WhatsAppDeployment ${name} is deleted with --cascade=foreground, and Kubernetes deletes its pods, the database among them, before a backup can be made. Its data are still there: set deletionPolicy to Retain, create the WhatsAppDeployment again, and delete it with --cascade=background`;
  const claim = spec.backup?.destination.claim?.name;
  const { databaseClaim, mediaClaim } = names(name);
  if (claim !== undefined && [databaseClaim, mediaClaim].includes(claim))
    return `spec.backup.destination.claim is PersistentVolumeClaim ${claim}, which goes with the stack; name another one: kubectl -n ${namespace} edit whatsappdeployment ${name}`;
  return undefined;
}

/** Stops the nodes, and waits for their pods and for a schema Job that changes the databases. */
function stoppingNodes(observed: SnapshotObserved): SnapshotStep | undefined {
  const running = runningNodes(observed);
  const { sets } = running;
  const jobs = runningJobs(observed, (component) => component === 'schema');
  const what = [...nodesToStop(running), ...jobs.map((job) => `the end of Job ${job}`)];
  if (what.length === 0) return undefined;
  const ready = deleting(`the last backup waits for ${what.join(', and for ')}`);
  return sets.length > 0 ? { do: 'scale', sets, replicas: 0, ready } : { do: 'wait', ready };
}

/** The database of a hibernated stack starts once more, without the nodes. */
function wakingDatabase(observed: SnapshotObserved): SnapshotStep | undefined {
  const sets = ownedBy(observed, 'StatefulSet').filter((set) => componentOf(set) === 'database');
  const ready = deleting('the last backup waits for the database of the hibernated stack to start');
  const stopped = sets.filter((set) => replicasOf(set) === 0);
  if (stopped.length > 0) return { do: 'scale', sets: stopped, replicas: 1, ready };
  const isAwake = observed.pods.some((pod) => isServing(pod, 'database'));
  return observed.resource.spec.hibernated && sets.length > 0 && !isAwake ? { do: 'wait', ready } : undefined;
}

/** Without an owner, and with all that is needed to read it: it outlives the stack. */
function snapshotOf(resource: WhatsAppDeployment): KubeObject {
  const { metadata, spec } = resource;
  return {
    apiVersion: API_VERSION,
    kind: BACKUP_KIND,
    metadata: {
      name: snapshotName(resource),
      namespace: metadata.namespace,
      annotations: { [SNAPSHOT_OF]: metadata.uid },
    },
    spec: {
      deployment: metadata.name,
      destination: spec.backup?.destination,
      encryptionSecretRef: spec.backup?.encryptionSecretRef,
      // A claim of the user's own stays with its files.
      media: spec.media?.claimName === undefined || spec.backup?.media,
      deletionPolicy: 'Retain',
    },
  };
}

/** Reasons with which a backup goes on by itself. */
const GOES_ON: readonly string[] = ['', 'Running', 'Queued'];

function stateOf(resource: WhatsAppDeployment, backup: WhatsAppBackup): SnapshotStep {
  const { namespace, name } = backup.metadata;
  if (backup.metadata.deletionTimestamp)
    return {
      do: 'wait',
      ready: deleting(`waiting until WhatsAppBackup ${name} is gone; then another one is made`),
    };
  const [{ reason, message } = { reason: '', message: 'it begins' }] = backup.status?.conditions ?? [];
  if (phaseOf(backup) === 'Failed')
    return blocked(
      resource,
      `the last backup, WhatsAppBackup ${name}, failed with ${reason}: ${message}. Correct it and run: kubectl -n ${namespace} delete whatsappbackup ${name}, which tries again`,
    );
  if (!GOES_ON.includes(reason))
    return blocked(
      resource,
      `the last backup, WhatsAppBackup ${name}, waits, ${reason}: ${message}. It goes on when this is corrected`,
    );
  return { do: 'wait', ready: deleting(`the last backup, WhatsAppBackup ${name}: ${message}`) };
}

const deleting = (message: string): Verdict<'Ready'> =>
  unmet('Ready', 'Deleting', `${message}. Nothing that the stack keeps is deleted before it is complete`);

function blocked({ metadata: { namespace, name } }: WhatsAppDeployment, cause: string): SnapshotStep {
  const patch = `kubectl -n ${namespace} patch whatsappdeployment ${name} --type merge -p '{"spec":{"deletionPolicy":"Retain"}}'`;
  return {
    do: 'wait',
    ready: unmet(
      'Ready',
      'SnapshotBlocked',
      `${cause}. Or give the last backup up: ${patch} lets the resource go and keeps its data, and "Delete" deletes them. Nothing has been deleted`,
    ),
  };
}
