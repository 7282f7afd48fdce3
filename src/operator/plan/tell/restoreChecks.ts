import type { RestoreEntry } from '../facts/journal.ts';
import type { Observed } from '../facts/observed.ts';
import type { RestoreTask } from '../facts/restore.ts';
import { named, restoreStage } from '../facts/restoreStage.ts';
import { unmet, type Verdict } from './conditions.ts';

/** The operator makes nothing of a stack before the Secrets of its backup are there: new ones would not fit the data. */
export function secretsAreRestored(observed: Observed): Verdict<'DatabaseReady'> | undefined {
  const { resource } = observed;
  const stage = restoreStage(observed);
  if (stage?.at === 'Refused')
    return unmet(
      'DatabaseReady',
      'RestoreRefused',
      `backup ${named(stage.choice)} is not restored, because the stack has data and Secrets of its own, kept under the name ${resource.metadata.name}; remove spec.registration.restoreFrom to go on with them, or create a WhatsAppDeployment under another name`,
    );
  if (stage?.at !== 'Secrets') return undefined;
  const news = newsOf(observed, 'open');
  return unmet(
    'DatabaseReady',
    news?.isRefused ? 'RestoreRefused' : 'Restoring',
    news?.message ?? `backup ${named(stage.choice)} is about to be read`,
  );
}

/** No schema Job and no node starts before the databases hold what the backup holds. */
export function databasesAreRestored(observed: Observed): Verdict<'SchemaReady'> | undefined {
  const stage = restoreStage(observed);
  if (stage?.at !== 'Databases') return undefined;
  const news = newsOf(observed, 'restore');
  return unmet(
    'SchemaReady',
    news?.isRefused ? 'RestoreFailed' : 'Restoring',
    news?.message ?? `the databases of backup ${named(stage.entry)} are about to be restored`,
  );
}

/** How far the media of a restored stack are, as the end of a sentence. The stack runs meanwhile. */
export function mediaOfRestore(observed: Observed): string {
  const { restore } = observed.journal ?? {};
  if (!restore?.hasMedia || restore.phase === 'Databases') return '';
  if (restore.phase === 'Done') return `; ${mediaRestored(restore)}`;
  const news = newsOf(observed, 'media');
  const state = news?.isRefused ? 'are not restored' : 'come back while the stack runs';
  return `; the media of backup ${named(restore)} ${state}${news ? `: ${news.message}` : ''}`;
}

export function mediaRestored(entry: RestoreEntry): string {
  const { restored, kept } = entry.media ?? {};
  const there = kept ? `, and ${kept} were there already` : '';
  const count = restored === undefined ? '' : `: ${restored} files${there}`;
  return `the media of backup ${named(entry)} are restored${count}`;
}

const newsOf = ({ restore }: Observed, task: RestoreTask) => (restore?.task === task ? restore : undefined);
