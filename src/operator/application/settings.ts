import { hashOf } from '../../engine/kube/ownFields.ts';
import { DEFAULT_SETTINGS, mergeSettings, settingsDifference } from '../../onprem/settings.ts';
import { patchedFields } from '../plan/decide/drift.ts';
import { declaredSettings, restartValues } from '../plan/facts/applicationSettings.ts';
import { orphanedWebhookUrl, valueHash } from '../plan/facts/journalHashes.ts';
import type { Difference } from './differences.ts';
import { type ApplicationPass, bringAbout, journalOf } from './pass.ts';

/**
 * `/v1/settings/application`: only declared settings are compared, and only those that differ are written, all in one
 * call, so that a crash cannot leave half of them.
 */
export async function settingsDifferences(pass: ApplicationPass): Promise<Difference[]> {
  const declared = declaredSettings(pass.observed.resource);
  const orphan = orphanedWebhookUrl(pass.observed.resource, journalOf(pass).matched);
  if (Object.keys(declared).length === 0 && orphan === undefined) return [];
  const { asAdmin, signal } = pass;
  const current = await asAdmin((client, session) => client.settings.application(session, signal));
  const { url } = (current.webhooks ?? {}) as { readonly url?: unknown };
  // Another client may have set its own since.
  const removal = orphan !== undefined && valueHash(url) === orphan ? { webhooks: { url: '' } } : {};
  const patch = settingsDifference(mergeSettings(declared, removal), current) ?? {};
  const fields = patchedFields(patch);
  const write = () => asAdmin((client, session) => client.settings.patchApplication(session, patch, signal));

  const restarting = restartValues(declared);
  const isRestartDue = isNotEmpty(restartValues(patch));
  if (fields.length > 0 && !isRestartDue) return [{ fields, repair: write }];
  if (!isNotEmpty(restarting)) return [];
  const isDefault = !isNotEmpty(restartValues(settingsDifference(declared, DEFAULT_SETTINGS) ?? {}));
  const repair = () =>
    bringAbout(pass, {
      topic: 'settings',
      hash: hashOf(restarting),
      isInPlace: !isRestartDue,
      isEffective: isDefault,
      write,
    });
  return [{ fields, repair }];
}

const isNotEmpty = (values: object): boolean => Object.keys(values).length > 0;
