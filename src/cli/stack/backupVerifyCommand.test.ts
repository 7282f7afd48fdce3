import { beforeEach, describe, expect, it } from 'vitest';
import { runWaba } from '../../../test/support/cliRun.ts';
import { FakeCluster } from '../../../test/support/fakeCluster.ts';
import { whatsAppBackup } from '../../../test/support/whatsAppBackup.ts';
import { ApiError } from '../../engine/kube/apiError.ts';
import type { KubeObject } from '../../engine/kube/kubeObject.ts';

const BACKUP = '/apis/waba-operator.dev/v1alpha1/namespaces/default/whatsappbackups/monday';

let cluster: FakeCluster;
const waba = (...args: string[]) => runWaba(['backup', 'verify', ...args], { cluster });
const spec = () =>
  (cluster.find(BACKUP) as KubeObject & { spec: { verification?: { attempt: number } } }).spec;

const condition = (status: string, reason: string, message: string) => ({
  type: 'Verified',
  status,
  reason,
  message,
  lastTransitionTime: '',
});
const told = (attempt: number, ...verdict: Parameters<typeof condition>) => ({
  phase: 'Completed',
  conditions: [condition(...verdict)],
  verification: { attempt, startedAt: '2026-11-27T03:00:00Z', completedAt: '2026-11-27T03:01:00Z' },
});
const stored = (status: object, more: object = {}) =>
  cluster.put(whatsAppBackup('monday', { spec: more, status }));

/** The operator reports these statuses once the attempt is asked for, one after the other. */
function operatorReports(...statuses: readonly object[]): void {
  let turn = 0;
  cluster.onRequest = ({ method, path }) => {
    if (method !== 'GET' || path !== BACKUP || !spec().verification) return;
    stored(statuses[Math.min(turn++, statuses.length - 1)] ?? {}, spec());
  };
}

beforeEach(() => {
  cluster = new FakeCluster(whatsAppBackup('monday', { status: { phase: 'Completed' } }));
});

describe('kubectl waba backup verify', () => {
  it('asks for an attempt, follows it, and ends with what was counted', async () => {
    operatorReports(
      { phase: 'Completed' },
      told(1, 'Unknown', 'Verifying', 'the Job reads the backup'),
      told(1, 'True', 'Verified', 'the backup is whole: 12 tables'),
    );
    const { code, stdout, stderr } = await waba('monday');
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toBe(
      'waiting for the operator\nthe Job reads the backup\nmonday is verified: the backup is whole: 12 tables\n',
    );
    expect(spec().verification).toEqual({ attempt: 1 });
  });

  it('takes no verdict on an earlier attempt for its own', async () => {
    const earlier = told(1, 'True', 'Verified', 'the first');
    stored(earlier, { verification: { attempt: 1 } });
    cluster.onRequest = ({ method, path }) => {
      if (method !== 'GET' || path !== BACKUP || spec().verification?.attempt !== 2) return;
      stored(told(2, 'False', 'BackupCorrupted', 'the second'), spec());
    };
    const { code, stderr } = await waba('monday');
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^error: the backup monday is not verified, BackupCorrupted: the second\nwhat to do: Make another backup at once/,
    );
  });

  it('follows an attempt that goes on already', async () => {
    stored(told(4, 'Unknown', 'Verifying', 'the Job runs'), { verification: { attempt: 4 } });
    operatorReports(told(4, 'Unknown', 'Verifying', 'the Job runs'), told(4, 'True', 'Verified', 'whole'));
    expect((await waba('monday')).code).toBe(0);
    expect(spec().verification).toEqual({ attempt: 4 });
  });

  it('prints JSON for programs, and ends with 1 if the backup is bad', async () => {
    operatorReports(told(1, 'False', 'PassphraseWrong', 'it does not open'));
    const { code, stdout, stderr } = await waba('monday', '-o', 'json');
    expect([code, stderr]).toEqual([1, '']);
    expect(JSON.parse(stdout)).toEqual({
      name: 'monday',
      namespace: 'default',
      stack: 'shop',
      attempt: 1,
      verified: false,
      reason: 'PassphraseWrong',
      message: 'it does not open',
      started: '2026-11-27T03:00:00Z',
      completed: '2026-11-27T03:01:00Z',
    });
  });

  it('does not wait if told so', async () => {
    const { code, stdout } = await waba('monday', '--no-wait');
    expect([code, stdout]).toEqual([
      0,
      '`kubectl -n default wait --for=condition=Verified wabk/monday` waits for the verdict\n',
    ]);
    cluster.put(whatsAppBackup('monday', { status: { phase: 'Completed' } }));
    const json = await waba('monday', '--no-wait', '-o', 'json');
    expect(JSON.parse(json.stdout)).toMatchObject({ attempt: 1, verified: null });
  });

  it('refuses a backup that is not complete', async () => {
    stored({ phase: 'Failed' });
    const { code, stderr } = await waba('monday');
    expect([code, stderr]).toEqual([
      1,
      'error: the backup monday is Failed, and only a complete one can be verified; list them with `kubectl waba backup list`\n',
    ]);
  });

  it('asks again when somebody changed the backup meanwhile', async () => {
    cluster.onRequest = ({ method }) => {
      if (method === 'PATCH') throw new ApiError(409, { reason: 'Conflict' }, 'PATCH');
    };
    expect((await waba('monday')).stderr).toContain('changed meanwhile; run the command again');
  });

  it('leaves the verification going on Ctrl-C, and says so', async () => {
    operatorReports(told(1, 'Unknown', 'Verifying', 'the Job runs'));
    const stop = new AbortController();
    const { code, stdout } = await runWaba(['backup', 'verify', 'monday'], {
      cluster,
      signal: stop.signal,
      onOutput: (output) => output.includes('the Job runs') && stop.abort(),
    });
    expect(code).toBe(130);
    expect(stdout).toContain('the operator goes on; `kubectl -n default describe wabk monday`');
  });
});
