import { CodedError } from '../../base/codedError.ts';
import { isAlreadyExists, isConflict, isNotFound } from '../../engine/kube/apiError.ts';
import {
  BACKUP_KIND,
  parseWhatsAppBackup,
  type WhatsAppBackup,
} from '../../operator/resource/whatsAppBackup.ts';
import { API_VERSION } from '../../operator/resource/whatsAppDeployment.ts';
import { WhatsAppBackupKind } from '../../operator/state/stackSources.ts';
import type { ClusterAccess } from '../clusterAccess.ts';
import type { CliContext } from '../context.ts';
import { isUnknownKind } from '../explainError.ts';
import { understood } from './understood.ts';

/** @throws CodedError `NotFound`, `NotUnderstood` */
export async function getBackup(
  { client, namespace }: ClusterAccess,
  name: string,
  { signal }: CliContext,
): Promise<WhatsAppBackup> {
  const object = await client.get(WhatsAppBackupKind, namespace, name, signal).catch((error: unknown) => {
    if (!isNotFound(error) || isUnknownKind(error)) throw error;
    throw new CodedError(
      'NotFound',
      `no WhatsAppBackup ${name} in namespace ${namespace}; list them with \`kubectl waba backup list\``,
    );
  });
  return understood(object, parseWhatsAppBackup);
}

/** The backups of a namespace, or of one stack in it, newest first. */
export async function listBackups(
  { client, namespace }: ClusterAccess,
  stack: string | undefined,
  { signal }: CliContext,
): Promise<WhatsAppBackup[]> {
  const { items } = await client.list(WhatsAppBackupKind, { namespace }, signal);
  const createdMs = ({ metadata }: WhatsAppBackup) => Date.parse(metadata.creationTimestamp);
  return items
    .map((object) => understood(object, parseWhatsAppBackup))
    .filter(({ spec }) => stack === undefined || spec.deployment === stack)
    .sort((a, b) => createdMs(b) - createdMs(a));
}

/** @throws CodedError `NameTaken` */
export async function createBackup(
  { client, namespace }: ClusterAccess,
  name: string,
  spec: object,
  { signal }: CliContext,
): Promise<void> {
  const backup = { apiVersion: API_VERSION, kind: BACKUP_KIND, metadata: { name, namespace }, spec };
  await client.create(backup, { fieldManager: 'kubectl-waba' }, signal).catch((error: unknown) => {
    if (!isAlreadyExists(error)) throw error;
    throw new CodedError(
      'NameTaken',
      `a WhatsAppBackup ${name} is there already in namespace ${namespace}; choose another name with --name`,
    );
  });
}

/** @throws CodedError `Changed` if somebody changed the backup since it was read */
export async function askForVerification(
  { client, namespace }: ClusterAccess,
  { metadata: { name, resourceVersion } }: WhatsAppBackup,
  attempt: number,
  { signal }: CliContext,
): Promise<void> {
  const target = { namespace, name, fieldManager: 'kubectl-waba' };
  // With the version, so that two people who ask at once do not take one verdict for two.
  const patch = { metadata: { resourceVersion }, spec: { verification: { attempt } } };
  await client.mergePatch(WhatsAppBackupKind, target, patch, signal).catch((error: unknown) => {
    if (!isConflict(error)) throw error;
    throw new CodedError('Changed', `WhatsAppBackup ${name} changed meanwhile; run the command again`);
  });
}
