import type { CodedError } from '../../base/codedError.ts';
import { hashOf } from '../../engine/kube/ownFields.ts';
import { occasionOf } from '../plan/decide/drift.ts';
import { nowMatched, orphanedWebhookUrl } from '../plan/facts/journalHashes.ts';
import { met, unmet, type Verdict } from '../plan/tell/conditions.ts';
import { concernsOneThing, together } from './applicationError.ts';
import type { Difference } from './differences.ts';
import { type ApplicationPass, journalOf, notRestarted, updateJournal } from './pass.ts';
import { profileDifferences } from './profile.ts';
import { providerDifferences } from './providers.ts';
import { settingsDifferences } from './settings.ts';
import { twoStepDifferences } from './twoStep.ts';
import { userDifferences } from './users.ts';

/** The drift that a pass found, for events and metrics. */
export interface DriftReport {
  readonly fields: readonly string[];
  readonly isRepaired: boolean;
}

type Part = (pass: ApplicationPass) => Promise<Difference[]>;
const BEFORE_REGISTRATION: readonly Part[] = [settingsDifferences, providerDifferences, userDifferences];
/** Parts that belong to the number, so they run once it is registered. */
const OF_THE_NUMBER: readonly Part[] = [profileDifferences, twoStepDifferences];

/**
 * Makes the stack match the resource: reads, compares, and writes what differs. A difference is drift if the declaration
 * has not changed since the stack last matched it. Drift is repaired and reported; with `driftPolicy: Report`, only reported.
 */
export async function synchronise(
  pass: ApplicationPass,
  isRegistered: boolean,
  onDrift: (report: DriftReport) => void,
): Promise<Verdict<'SettingsSynced'>> {
  const { resource } = pass.observed;
  const parts = [...BEFORE_REGISTRATION, ...(isRegistered ? OF_THE_NUMBER : [])];
  const declared = declaredHash(pass, isRegistered);
  const occasion = occasionOf(journalOf(pass).synced, declared);
  const drifted: string[] = [];
  const problems: CodedError[] = [];
  for (const part of parts) {
    const compared = pass.refused.guard(`compare ${part.name}`, pass.observed, () => part(pass));
    for (const { fields, repair } of (await unlessOneThing(compared, problems)) ?? []) {
      const isDrift = occasion === 'drifted' && fields.length > 0;
      if (isDrift) drifted.push(...fields);
      if (isDrift && resource.spec.driftPolicy !== 'Repair') continue;
      const what = `write ${fields.join()}`;
      await unlessOneThing(pass.refused.guard(what, pass.observed, repair), problems);
    }
  }
  const isRepaired = resource.spec.driftPolicy === 'Repair';
  onDrift({ fields: drifted, isRepaired });
  const [problem, ...others] = problems;
  if (problem) throw together([problem, ...others]);
  if (drifted.length > 0 && !isRepaired)
    return unmet(
      'SettingsSynced',
      'Drifted',
      `another client changed the stack: ${drifted.join(', ')}; change spec to match, or set spec.driftPolicy to Repair`,
    );
  const { matched } = journalOf(pass);
  if (occasion === 'declared' || matched === undefined || orphanedWebhookUrl(resource, matched) !== undefined)
    await updateJournal(pass, (journal) => ({
      ...journal,
      synced: declared,
      matched: nowMatched(resource, isRegistered, journal.matched),
    }));
  const waiting = notRestarted(pass, 'coreapp');
  if (waiting.length > 0 && journalOf(pass).coreappRestarts > 0)
    return unmet(
      'SettingsSynced',
      'RestartingCoreapps',
      `a changed setting takes effect when the Coreapps have restarted; still to restart: ${waiting.join(', ')}`,
    );
  return met('SettingsSynced', 'Synced', 'the stack matches spec');
}

/** The result, or undefined if only this one thing is wrong: it is noted, and the others go on. */
async function unlessOneThing<T>(work: Promise<T>, problems: CodedError[]): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (!concernsOneThing(error)) throw error;
    problems.push(error);
    return undefined;
  }
}

/** Hash of everything that is declared, including the Secrets that it refers to. */
function declaredHash(
  { observed: { resource, referenced } }: ApplicationPass,
  isRegistered: boolean,
): string {
  const { settings, webhook, profile, users, twoStep, media } = resource.spec;
  const secrets = [...referenced.values()].map(({ name, data }) => [name, data ?? null]);
  return hashOf(
    [isRegistered, settings, webhook, profile, users, twoStep, media?.providers, secrets].map(
      (part) => part ?? null,
    ),
  );
}
