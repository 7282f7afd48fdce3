import { describe, expect, it } from 'vitest';
import { FakeCluster } from '../../../test/support/fakeCluster.ts';
import { whatsAppBackup } from '../../../test/support/whatsAppBackup.ts';
import { KubeClient } from '../../engine/kube/client.ts';
import type { CliContext } from '../context.ts';
import { followBackup } from './followBackup.ts';

const BACKUP = '/apis/waba-operator.dev/v1alpha1/namespaces/default/whatsappbackups/now';

/** Follows a backup that is at each of these reasons once, and completes then. */
async function follow(graceMs: number, ...reasons: readonly string[]): Promise<string> {
  const cluster = new FakeCluster(whatsAppBackup('now'));
  let turn = 0;
  cluster.onRequest = ({ path }) => {
    if (path !== BACKUP) return;
    const reason = reasons[turn++];
    const condition = { type: 'Complete', status: 'Unknown', reason, message: 'why', lastTransitionTime: '' };
    const status = reason ? { phase: 'Pending', conditions: [condition] } : { phase: 'Completed' };
    cluster.put(whatsAppBackup('now', { status }));
  };
  const output: string[] = [];
  const context = {
    stdout: { write: (text: string) => void output.push(text) },
    signal: new AbortController().signal,
  } as unknown as CliContext;
  const access = { client: new KubeClient(cluster), namespace: 'default', server: '' };
  await followBackup(access, 'now', context, { graceMs });
  return output.join('');
}

describe('following a backup', () => {
  it('ends at what a person must mend, and says that the backup begins by itself then', async () => {
    await expect(follow(0, 'SecretMissing')).rejects.toMatchObject({
      code: 'SecretMissing',
      message: expect.stringMatching(
        /^the backup now waits, SecretMissing: why\nwhat to do: mend that, and the backup begins by itself; `kubectl -n default delete wabk now`/,
      ),
    });
  });

  it('waits for what comes by itself', async () => {
    expect(await follow(0, 'Queued')).toBe('Pending: why\nnow is complete\n');
  });

  it('gives the operator a moment to see what was created just before', async () => {
    expect(await follow(60_000, 'SecretMissing')).toContain('now is complete');
  });
});
