import { describe, expect, it } from 'vitest';
import { runWaba } from '../../../test/support/cliRun.ts';
import type { FakeCluster } from '../../../test/support/fakeCluster.ts';
import { settledCluster } from '../../../test/support/settledCluster.ts';
import { whatsAppDeployment } from '../../../test/support/whatsAppDeployment.ts';
import type { WhatsAppDeployment } from '../../operator/resource/whatsAppDeployment.ts';

const SHOP = '/apis/waba-operator.dev/v1alpha1/namespaces/default/whatsappdeployments/shop';
const shopOf = (cluster: FakeCluster) => cluster.find(SHOP) as WhatsAppDeployment;
const requestOf = (cluster: FakeCluster) => shopOf(cluster).spec.database.managed?.passwordRotation;
const managed = () => settledCluster(whatsAppDeployment({ spec: { database: { managed: {} } } }));

/** The operator reports these steps, one after the other, and the end after them. */
function operatorReports(cluster: FakeCluster, steps: readonly string[], conditions: object[] = []): void {
  let turn = 0;
  cluster.onRequest = ({ method, path }) => {
    const requested = method === 'GET' && path === SHOP ? requestOf(cluster) : undefined;
    if (requested === undefined) return;
    const step = steps[turn++];
    const passwordRotation = { requested, ...(step === undefined ? {} : { step }) };
    cluster.put({ ...shopOf(cluster), status: { conditions, database: { passwordRotation } } });
  };
}

describe('kubectl waba rotate-password', () => {
  it('asks for a rotation and follows its steps to the end', async () => {
    const cluster = managed();
    operatorReports(cluster, ['1 of 3: a Job', '1 of 3: a Job', '2 of 3: nodes']);
    const { code, stdout, stderr } = await runWaba(['rotate-password', 'shop'], { cluster });
    expect([code, stderr]).toEqual([0, '']);
    expect(requestOf(cluster)).toMatch(/^20\d\d-\d\d-\d\dT[\d:.]+Z$/);
    expect(stdout.split('\n').slice(1)).toEqual([
      '1 of 3: a Job',
      '2 of 3: nodes',
      'the password of shop is rotated',
      '',
    ]);
  });

  it('ends with what keeps the stack from going on', async () => {
    const cluster = managed();
    const message = 'the credentials in Secret shop-database were edited';
    const ready = { type: 'Ready', status: 'False', reason: 'PasswordEdited', message };
    operatorReports(
      cluster,
      ['1 of 3: a Job'],
      [{ ...ready, observedGeneration: 99, lastTransitionTime: '' }],
    );
    const { code, stderr } = await runWaba(['rotate-password', 'shop'], { cluster });
    expect([code, stderr]).toEqual([1, `error: ${message}\n`]);
  });

  it('says what to do where the database is not ours', async () => {
    const external = { host: 'db', credentialsSecretRef: { name: 'login' } };
    const cluster = settledCluster(whatsAppDeployment({ spec: { database: { external } } }));
    const { code, stderr } = await runWaba(['rotate-password', 'shop', '--no-wait'], { cluster });
    expect(code).toBe(2);
    expect(stderr).toContain('put its login into Secret login');
  });
});
