import { describe, expect, it } from 'vitest';
import { whatsAppDeployment } from '../../../test/support/whatsAppDeployment.ts';
import { ApiError } from '../../engine/kube/apiError.ts';
import { KubeClient } from '../../engine/kube/client.ts';
import type { EventRecorder } from '../../engine/kube/eventRecorder.ts';
import type { KubeObject } from '../../engine/kube/kubeObject.ts';
import { EMPTY_JOURNAL, type Journal } from '../plan/facts/journal.ts';
import type { Journals } from '../state/journalStore.ts';
import type { StackSources } from '../state/stackSources.ts';
import { RestoreActions } from './restoreActions.ts';

const never = new AbortController().signal;
const job: KubeObject = {
  apiVersion: 'batch/v1',
  kind: 'Job',
  metadata: { name: 'shop-restore-databases', namespace: 'default' },
};

/** How many Jobs the journal counts after the API server has answered a try like this. */
async function countAfter(answer: () => unknown): Promise<number | undefined> {
  let journal: Journal = {
    ...EMPTY_JOURNAL,
    restore: {
      phase: 'Databases',
      folder: 'default/shop',
      backup: 'last',
      destination: { claim: { name: 'vault' } },
      encryptionSecret: 'vault-key',
      hasMedia: false,
      jobs: 0,
    },
  };
  const actions = new RestoreActions({
    client: new KubeClient({
      request: async () => answer(),
      text: async () => '',
      stream: async function* () {},
      close: () => {},
    }),
    journals: {
      update: async (_: unknown, change: (current: Journal) => Journal) => (journal = change(journal)),
    } as unknown as Journals,
    recorder: {} as EventRecorder,
    sources: { children: [], backups: { kind: { kind: 'WhatsAppBackup' } } } as unknown as StackSources,
  });
  await actions.start(whatsAppDeployment(), job, 'restore', never).catch(() => {});
  return journal.restore?.jobs;
}
const refused = (status: number, reason: string) =>
  countAfter(() => {
    throw new ApiError(status, { reason }, 'POST jobs');
  });

describe('the number of Jobs that may have written into the databases', () => {
  it('rises with a Job that is made, and with one of which nobody knows whether it was', async () => {
    expect(await countAfter(() => job)).toBe(1);
    expect(await refused(504, 'Timeout')).toBe(1);
    const lost = () => {
      throw new Error('the connection is lost');
    };
    expect(await countAfter(lost)).toBe(1);
  });

  it('stays with a Job that the API server refuses, or that an earlier pass has made and counted', async () => {
    expect(await refused(403, 'Forbidden')).toBe(0);
    expect(await refused(409, 'AlreadyExists')).toBe(0);
  });
});
