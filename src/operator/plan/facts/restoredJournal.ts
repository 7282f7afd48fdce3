import type { WhatsAppDeployment } from '../../resource/whatsAppDeployment.ts';
import { EMPTY_JOURNAL, type Journal, type RestoreEntry } from './journal.ts';
import { webappHost } from './stackSettings.ts';

/**
 * What becomes of each field of a journal when its stack is made again from a backup. What is true of the data comes back;
 * what is true of a cluster, its servers and its pods does not.
 */
export const RESTORED: { readonly [F in keyof Journal]-?: 'keep' | 'drop' | 'set' } = {
  number: 'keep',
  generated: 'set',
  // The operator that restores ships its own images.
  release: 'drop',
  schemaVersion: 'keep',
  // The new database has the schema, but no Job of this cluster has proved it.
  schemaDone: 'drop',
  // A new server has a new password.
  databaseLogin: 'drop',
  passwordRotation: 'drop',
  rollout: 'drop',
  // An uploaded certificate is in the data, and the Webapps serve it again. A generated one is pinned anew.
  webappCa: 'set',
  served: 'set',
  coreappRestarts: 'keep',
  webappRestarts: 'keep',
  webhookCa: 'keep',
  settings: 'keep',
  certificate: 'keep',
  synced: 'keep',
  matched: 'keep',
  adminPassword: 'keep',
  adminPasswordPending: 'keep',
  users: 'keep',
  twoStepPin: 'keep',
  photo: 'keep',
  providers: 'keep',
  shards: 'drop',
  collected: 'keep',
  registration: 'keep',
  restore: 'set',
};

/** @param journal that of the backup @param generated names of the Secrets that came back, as they are called now */
export function restoredJournal(
  journal: Journal,
  resource: WhatsAppDeployment,
  generated: readonly string[],
  restore: RestoreEntry,
): Journal {
  const kept = Object.fromEntries(
    Object.entries(journal).filter(([field]) => RESTORED[field as keyof Journal] === 'keep'),
  );
  const { served, webappCa } = journal;
  return {
    ...EMPTY_JOURNAL,
    ...kept,
    generated: [...generated],
    ...(served && webappCa !== undefined ? { webappCa, served: servedHere(served, resource) } : {}),
    restore,
  };
}

/** A certificate that the operator signed for another name counts as expired, so that it signs one for the new name. */
function servedHere(served: NonNullable<Journal['served']>, resource: WhatsAppDeployment) {
  const isForeign = resource.spec.tls?.selfSigned && !served.names.includes(webappHost(resource));
  return isForeign ? { ...served, notAfter: 0 } : served;
}
