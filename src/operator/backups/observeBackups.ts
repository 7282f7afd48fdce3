import { objectKey, splitKey } from '../../engine/kube/kubeObject.ts';
import type { BackupsObserved } from '../plan/decide/backupStep.ts';
import { managedTls } from '../plan/facts/managedTls.ts';
import { generatedSecretNames, names } from '../plan/facts/names.ts';
import { type ReleaseImages, releaseOf } from '../plan/facts/release.ts';
import { webappCertificateName } from '../plan/facts/webappCertificate.ts';
import { parseWhatsAppDeployment, type WhatsAppDeployment } from '../resource/whatsAppDeployment.ts';
import type { Journals } from '../state/journalStore.ts';
import type { PodObject } from '../state/podObject.ts';
import type { ReferencedSecrets } from '../state/referencedSecrets.ts';
import { stackObjects } from '../state/stackObjects.ts';
import {
  clusterView,
  parsedBackups,
  referencedSecretNames,
  type StackSources,
  withPublished,
} from '../state/stackSources.ts';

export interface BackupsContext {
  readonly sources: StackSources;
  readonly journals: Pick<Journals, 'read'>;
  readonly referenced: ReferencedSecrets;
  /** The images of this version of the operator. */
  readonly release: ReleaseImages;
}

type Seen = Omit<BackupsObserved, 'reports' | 'nowMs'> & {
  /** By name of the Job. */
  readonly podsOfJobs: ReadonlyMap<string, readonly PodObject[]>;
};

/** What the caches hold about the backups of a stack; undefined if there is nothing to do. */
export async function observeBackups(
  key: string,
  { sources, journals, referenced, release }: BackupsContext,
  signal: AbortSignal,
): Promise<Seen | undefined> {
  const { namespace = '' } = splitKey(key);
  const backups = parsedBackups(sources.backups.cache.byIndex('deployment', key));
  const parsed = parseWhatsAppDeployment(sources.stacks.cache.get(key));
  const stack = parsed.ok ? withPublished(parsed.resource, clusterView(parsed.resource, sources)) : undefined;
  if (backups.length === 0 && !stack?.spec.backup) return undefined;
  const secretNames = [...(stack ? [stack] : []), ...backups].flatMap(referencedSecretNames);
  const secrets = await referenced.read(namespace, secretNames, signal);
  const ofBackups = <T>(read: (backup: string) => readonly T[]): T[] =>
    backups.flatMap(({ metadata }) => read(objectKey(namespace, metadata.name)));
  const jobs = ofBackups((backup) =>
    sources.children.flatMap(({ kind, cache }) =>
      kind.kind === 'Job' ? cache.byIndex('backup', backup) : [],
    ),
  );
  const pods = ofBackups((backup) => sources.pods.cache.byIndex('backup', backup) as PodObject[]);
  const journal = stack && journals.read(stack);
  return {
    stack,
    backups,
    jobs: new Map(jobs.map((job) => [job.metadata.name, job])),
    podsOfJobs: new Map(
      jobs.map(({ metadata }) => [
        metadata.name,
        pods.filter((pod) => pod.metadata.ownerReferences?.some(({ uid }) => uid === metadata.uid)),
      ]),
    ),
    hasKey: (secret, secretKey) => (secrets.get(secret)?.data?.[secretKey] ?? '') !== '',
    secrets: stack ? presentSecrets(stack, sources) : [],
    serverName: journal?.webappCa && stack ? webappCertificateName(stack, journal) : undefined,
    release: stack
      ? {
          ...releaseOf(stack, journal?.release, release),
          databaseTls: managedTls({ resource: stack, ...stackObjects(key, sources) }).nodes,
        }
      : { ...release, databaseVersion: '', databaseTls: false },
    offered: release,
  };
}

/** The Secrets without which the data of a stack are of no use: its generated ones and the journal. */
function presentSecrets(stack: WhatsAppDeployment, sources: StackSources): string[] {
  const { namespace, name } = stack.metadata;
  return [names(name).journal, ...generatedSecretNames(stack)].filter(
    (secret) => sources.secretsOfStacks.cache.get(objectKey(namespace, secret)) !== undefined,
  );
}
