import { hashOf } from '../../engine/kube/ownFields.ts';
import { DEFAULT_SETTINGS, settingsDifference } from '../../onprem/settings.ts';
import { patchedFields } from '../plan/decide/drift.ts';
import { declaredSettings, restartValues } from '../plan/facts/applicationSettings.ts';
import type { Difference } from './differences.ts';
import { type ApplicationPass, bringAbout } from './pass.ts';

/**
 * `/v1/settings/application`: only declared settings are compared, and only those that differ are written, all in one
 * call, so that a crash cannot leave half of them.
 */
export async function settingsDifferences(pass: ApplicationPass): Promise<Difference[]> {
  const declared = declaredSettings(pass.observed.resource);
  if (Object.keys(declared).length === 0) return [];
  const { asAdmin, signal } = pass;
  const current = await asAdmin((client, session) => client.settings.application(session, signal));
  const patch = settingsDifference(declared, current) ?? {};
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
