import { BLOCKING_REASONS, CONDITION_TYPES, type ConditionType } from '../../resource/conditions.ts';
import type { Condition, NodeStatus, PlanEntry, WhatsAppDeploymentStatus } from '../../resource/status.ts';
import type { WhatsAppDeployment } from '../../resource/whatsAppDeployment.ts';
import { memberLabels, names } from '../facts/names.ts';
import { isServing, type Observation } from '../facts/observed.ts';
import type { RolloutProgress } from '../facts/rolloutProgress.ts';
import { servedShards } from '../facts/servedShards.ts';
import { counts, databaseAddress, webappHost } from '../facts/stackSettings.ts';
import { smallerVolumes } from '../facts/volumeSizes.ts';
import { scaleOfWebapps } from './autoscaled.ts';
import { lastBackup } from './backupCurrent.ts';
import { clientExpiry } from './build.ts';
import { rotationStep } from './rotationStep.ts';

/** A condition of this pass or one in the stored status. */
type Told = Pick<Condition, 'type' | 'status' | 'reason'>;

const ROLES = { webapp: 'Webapp', master: 'Master', coreapp: 'Coreapp' } as const;

/** All of status except the conditions, from the observation. */
export function stackStatus(
  observed: Observation,
  verdicts: readonly Told[],
  waiting: readonly PlanEntry[],
  rollout?: RolloutProgress,
): WhatsAppDeploymentStatus {
  const { resource, pods, api } = observed;
  const { name } = resource.metadata;
  const wanted = counts(resource);
  const scaled = scaleOfWebapps(observed);
  const ready = (component: string) => pods.filter((pod) => isServing(pod, component)).length;
  const nodes = nodeStatuses(observed);
  const served = servedShards(observed);
  const support = Object.values(api?.support ?? {})[0];
  const { engine, host } = databaseAddress(resource);
  const volumes = smallerVolumes(resource, observed.children);
  const of = names(name);
  const port = resource.spec.service?.ports?.https ?? 443;
  return {
    observedGeneration: resource.metadata.generation,
    phase: phaseOf(resource.spec.paused, verdicts),
    nodes,
    // Server-side apply stores an emptied map as null, which the CRD refuses.
    shards: {
      desired: wanted.shards,
      served: Object.keys(served).length,
      ...(Object.keys(served).length > 0 ? { owners: served } : {}),
    },
    database: {
      engine: resource.spec.database.managed?.engine ?? (engine === 'PGSQL' ? 'PostgreSQL' : 'MySQL'),
      host,
      ready: verdicts.some(({ type, status }) => type === 'DatabaseReady' && status === 'True'),
      ...rotationStatus(observed),
    },
    ...(Object.keys(volumes).length > 0 ? { volumes } : {}),
    ...(support
      ? {
          client: {
            version: support.version ?? '',
            expires: resource.spec.cloud ? graphEnd(resource) : (support.expire_timestamp ?? ''),
          },
        }
      : {}),
    plan: waiting.slice(0, 64).map((entry) => ({ ...entry })),
    ...(rollout?.isRolling ? { rollout: rolloutStatus(rollout) } : {}),
    ...releaseStatus(observed),
    ...backupStatus(observed),
    endpoints: {
      api: `https://${webappHost(resource)}${port === 443 ? '' : `:${port}`}`,
      adminSecretName: of.adminSecret,
    },
    scale: {
      selector: Object.entries(memberLabels(name, 'webapp'))
        .map(([key, value]) => `${key}=${value}`)
        .join(','),
      replicas: pods.filter(({ component }) => component === 'webapp').length,
    },
    summary: {
      masters: `${ready('master')}/${wanted.masters}`,
      shards: `${Object.keys(served).length}/${wanted.shards}`,
      webapps: `${ready('webapp')}/${scaled?.desired ?? wanted.webapps}`,
    },
    ...(scaled ? { autoscaling: scaled } : {}),
  };
}

/** No build expires in front of the Cloud API. */
function graphEnd(resource: WhatsAppDeployment): string {
  const end = clientExpiry(resource, {});
  return end === undefined ? '' : new Date(end).toISOString();
}

function rotationStatus(
  observed: Observation,
): Pick<NonNullable<WhatsAppDeploymentStatus['database']>, 'passwordRotation'> {
  const { request, completedAtMs } = observed.journal?.passwordRotation ?? {};
  if (request === undefined) return {};
  const step = rotationStep(observed);
  return {
    passwordRotation: {
      requested: request,
      ...(step === undefined ? {} : { step: step.slice(0, 1024) }),
      ...(completedAtMs === undefined ? {} : { completed: new Date(completedAtMs).toISOString() }),
    },
  };
}

function backupStatus({ backups = [] }: Observation): Pick<WhatsAppDeploymentStatus, 'lastBackup'> {
  const last = lastBackup(backups);
  return last ? { lastBackup: last } : {};
}

const ROLE_NAMES: Readonly<Record<string, string>> = { ...ROLES, database: 'Database' };

function rolloutStatus(rollout: RolloutProgress): NonNullable<WhatsAppDeploymentStatus['rollout']> {
  const { role, done, total, turn, waitingFor } = rollout;
  return {
    ...(role ? { role: ROLE_NAMES[role] ?? role } : {}),
    done,
    total,
    ...(turn ? { next: turn } : {}),
    ...(waitingFor ? { waitingFor: waitingFor.slice(0, 1024) } : {}),
  };
}

/** The release that the journal pins; nothing before the first pass. */
function releaseStatus({ resource, journal }: Observation): Pick<WhatsAppDeploymentStatus, 'release'> {
  const release = journal?.release;
  if (!release) return {};
  const { images, database } = resource.spec;
  const version = database.managed?.version ?? release.databaseVersion;
  return {
    release: {
      ...(release.version ? { version: release.version } : {}),
      webapp: images?.webapp ?? release.stack,
      coreapp: images?.coreapp ?? release.stack,
      ...(database.managed ? { database: images?.database ?? `${release.database}:${version}` } : {}),
    },
  };
}

function nodeStatuses({ pods, api }: Observation): NodeStatus[] {
  return pods
    .filter((pod) => pod.component in ROLES && !pod.terminating)
    .sort((a, b) => a.name.localeCompare(b.name))
    .map((pod) => {
      const health = api?.health[pod.name];
      const support = api?.support[pod.name];
      const shards = support?.shards?.flatMap(([from, to]) =>
        Array.from({ length: to - from + 1 }, (_, index) => from + index),
      );
      return {
        name: pod.name,
        role: ROLES[pod.component as keyof typeof ROLES],
        ready: pod.ready,
        ...(health?.role === 'primary_master' ? { primary: true } : {}),
        ...(shards && shards.length > 0 ? { shards } : {}),
        ...(health?.gateway_status ? { gatewayStatus: health.gateway_status } : {}),
        ...(pod.ip ? { address: pod.ip } : {}),
        ...(support?.version ? { version: support.version } : {}),
      };
    });
}

/** The phase while this is the first condition that is not True. */
const PHASES: Partial<Record<ConditionType, string>> = {
  DatabaseReady: 'StartingDatabase',
  SchemaReady: 'UpgradingSchema',
  WorkloadsReady: 'StartingNodes',
  Registered: 'Registering',
};

/** Reasons of Ready that say it all. */
const OWN_PHASES: ReadonlySet<string> = new Set(['PlanOnly', 'Hibernating', 'Hibernated']);

function phaseOf(paused: boolean, verdicts: readonly Told[]): string {
  if (paused) return 'Paused';
  const ready = verdicts.find(({ type }) => type === 'Ready');
  if (ready?.status === 'True') return 'Ready';
  if (ready && OWN_PHASES.has(ready.reason)) return ready.reason;
  if (ready && BLOCKING_REASONS.has(ready.reason)) return 'Blocked';
  const unmet = CONDITION_TYPES.find((type) =>
    verdicts.some((verdict) => verdict.type === type && verdict.status !== 'True'),
  );
  return (unmet && PHASES[unmet]) ?? 'Configuring';
}
