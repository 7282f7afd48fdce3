import { hashOf } from '../../engine/kube/ownFields.ts';
import { DEFAULT_SETTINGS, settingsDifference } from '../../onprem/settings.ts';
import { patchedFields } from '../plan/decide/drift.ts';
import { declaredSettings, restartValues } from '../plan/facts/applicationSettings.ts';
import type { Difference } from './differences.ts';
import { type ApplicationPass, bringAbout } from './pass.ts';

/** `/v1/settings/application`: only what is declared is compared, and only what differs is sent. */
export async function settingsDifferences(pass: ApplicationPass): Promise<Difference[]> {
  const declared = declaredSettings(pass.observed.resource);
  if (Object.keys(declared).length === 0) return [];
  const { asAdmin, signal } = pass;
  const current = await asAdmin((client, session) => client.settings.application(session, signal));
  const patch = settingsDifference(declared, current);
  const restarting = restartValues(declared);
  const write = async () => {
    if (patch) await asAdmin((client, session) => client.settings.patchApplication(session, patch, signal));
  };
  if (Object.keys(restarting).length === 0)
    return patch ? [{ fields: patchedFields(patch), repair: write }] : [];

  const differing = restartValues(patch ?? {});
  const isDefault =
    Object.keys(restartValues(settingsDifference(declared, DEFAULT_SETTINGS) ?? {})).length === 0;
  const repair = () =>
    bringAbout(pass, {
      topic: 'settings',
      hash: hashOf(restarting),
      isInPlace: Object.keys(differing).length === 0,
      isEffective: isDefault,
      write,
    });
  if (!patch) return [{ fields: [], repair }];
  // What needs no restart goes with it: one call, and one moment in which it may be half done.
  return [
    {
      fields: patchedFields(patch),
      repair: async () => (Object.keys(differing).length > 0 ? repair() : write()),
    },
  ];
}
