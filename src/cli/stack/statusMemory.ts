import type { KubeObject } from '../../engine/kube/kubeObject.ts';
import { hashOf } from '../../engine/kube/ownFields.ts';
import type { GatewayStatus, NodeHealth } from '../../onprem/health.ts';
import { declaredSettings, restartValues } from '../../operator/plan/facts/applicationSettings.ts';
import { EMPTY_JOURNAL, type Journal } from '../../operator/plan/facts/journal.ts';
import { matchedHashes } from '../../operator/plan/facts/journalHashes.ts';
import { annotations, names } from '../../operator/plan/facts/names.ts';
import type { ApiObservation } from '../../operator/plan/facts/observed.ts';
import { managedEngines } from '../../operator/resource/managedEngines.ts';
import type { WhatsAppDeployment } from '../../operator/resource/whatsAppDeployment.ts';

/** What the operator last read from the API of a stack, as far as the status holds it. */
export function apiFromStatus(
  { status, spec }: WhatsAppDeployment,
  nowMs: number,
  podsSeen: string,
): ApiObservation | undefined {
  const nodes = (status?.nodes ?? []).filter(({ role }) => role !== 'Webapp');
  if (nodes.length === 0) return undefined;
  const health = nodes.map(({ name, role, primary, gatewayStatus }): [string, NodeHealth] => [
    name,
    {
      role: role === 'Coreapp' ? 'coreapp' : primary ? 'primary_master' : 'secondary_master',
      ...(gatewayStatus ? { gateway_status: gatewayStatus as GatewayStatus } : {}),
    },
  ]);
  const owned = nodes.flatMap(({ shards = [] }) => shards).filter((shard) => shard >= 0);
  const count = owned.length > 0 ? Math.max(...owned) + 1 : undefined;
  return {
    atMs: nowMs,
    podsSeen,
    health: Object.fromEntries(health),
    support: Object.fromEntries(
      nodes.map(({ name, shards = [], version }) => [
        name,
        { shards: shards.map((shard): [number, number] => [shard, shard]), ...(version ? { version } : {}) },
      ]),
    ),
    shards: count ?? (spec.topology === 'Single' ? 1 : status?.shards?.desired),
  };
}

/** What the stack matches if its settings are synced; for journals of operator versions that did not note it. */
export function matchedFromStatus(stored: WhatsAppDeployment): Journal['matched'] {
  const { status, metadata } = stored;
  const synced = status?.conditions?.find(({ type }) => type === 'SettingsSynced');
  const isSynced = synced?.status === 'True' && synced.observedGeneration === metadata.generation;
  return isSynced ? matchedHashes(stored, status?.registration?.state === 'Registered') : undefined;
}

/** What the journal must hold according to status and live objects, for a user who may not read it. */
export function journalFromStatus(
  stored: WhatsAppDeployment | undefined,
  children: ReadonlyMap<string, KubeObject>,
): Journal | undefined {
  if (!stored) return undefined;
  const { status, metadata, spec } = stored;
  const of = names(metadata.name);
  const restarts = (key: string): number => {
    const { template } = (children.get(key)?.spec ?? {}) as { template?: Pick<KubeObject, 'metadata'> };
    return Number(template?.metadata.annotations?.[annotations.restarts] ?? 0);
  };
  const isRegistered = status?.registration?.state === 'Registered';
  const matched = matchedFromStatus(stored);
  const { release } = status ?? {};
  const { engine = 'PostgreSQL' } = spec.database.managed ?? {};
  const image = release?.database?.split(':');
  const known = (list: readonly { readonly name: string }[] = []) =>
    Object.fromEntries(list.map(({ name }) => [name, 'unknown']));
  return {
    ...EMPTY_JOURNAL,
    ...(release
      ? {
          release: {
            ...(release.version ? { version: release.version } : {}),
            stack: release.coreapp ?? '',
            database: image?.slice(0, -1).join(':') ?? '',
            databaseVersion: image?.at(-1) ?? managedEngines[engine].version,
            ...(engine === 'PostgreSQL' ? {} : { databaseEngine: engine }),
          },
          ...(release.version ? { schemaVersion: release.version } : {}),
        }
      : {}),
    coreappRestarts: restarts(`StatefulSet/${of.slot('coreapp', 0)}`),
    webappRestarts: restarts(`Deployment/${of.webapp}`),
    ...(matched ? { matched, settings: { applied: hashOf(restartValues(declaredSettings(stored))) } } : {}),
    users: known(spec.users?.filter(({ name }) => name !== 'admin')),
    providers: known(spec.media?.providers),
    ...(spec.twoStep ? { twoStepPin: 'unknown' } : {}),
    ...(isRegistered
      ? {
          registration: {
            attempt: spec.registration.attempt,
            phase: 'registered' as const,
            ...(status.registration?.registeredAt ? { registeredAt: status.registration.registeredAt } : {}),
          },
        }
      : {}),
  };
}
