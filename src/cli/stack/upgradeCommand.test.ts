import { describe, expect, it } from 'vitest';
import { runWaba } from '../../../test/support/cliRun.ts';
import type { FakeCluster } from '../../../test/support/fakeCluster.ts';
import { settledCluster } from '../../../test/support/settledCluster.ts';
import { whatsAppDeployment } from '../../../test/support/whatsAppDeployment.ts';
import type { WhatsAppDeployment } from '../../operator/resource/whatsAppDeployment.ts';

const SHOP = '/apis/waba-operator.dev/v1alpha1/namespaces/default/whatsappdeployments/shop';
const shopOf = (cluster: FakeCluster) => cluster.find(SHOP) as WhatsAppDeployment;
const settled = (spec: object = {}) =>
  settledCluster(whatsAppDeployment({ spec: { version: 'v2.57.1', ...spec } }));

/** The operator reports these statuses of the new generation, one after the other. */
function operatorReports(cluster: FakeCluster, ...statuses: readonly object[]): void {
  let turn = 0;
  cluster.onRequest = ({ method, path }) => {
    const { metadata, spec } = shopOf(cluster);
    if (method !== 'GET' || path !== SHOP || spec.version === 'v2.57.1') return;
    const { conditions = [], ...status } = (statuses[turn++] ?? statuses.at(-1)) as { conditions?: object[] };
    const stamped = conditions.map((condition) => ({
      message: '',
      lastTransitionTime: '',
      observedGeneration: metadata.generation,
      ...condition,
    }));
    cluster.put({ ...shopOf(cluster), status: { ...status, conditions: stamped } });
  };
}

const ROLLING = {
  conditions: [{ type: 'Ready', status: 'False', reason: 'RollingOut' }],
  rollout: { done: 2, total: 7, next: 'shop-master-0-0', waitingFor: 'its turn' },
};
const READY = { conditions: [{ type: 'Ready', status: 'True', reason: 'Ready' }] };

describe('kubectl waba upgrade', () => {
  it('shows what follows, sets the version and follows the rollout until Ready', async () => {
    const cluster = settled();
    operatorReports(cluster, ROLLING, READY);
    const { code, stdout, stderr } = await runWaba(['upgrade', 'shop', '--to', 'v2.59.1'], { cluster });
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(
      /create Job[\s\S]*restart Pod\/shop-master-0-0[\s\S]*spec.version of shop is now v2.59.1/,
    );
    expect(stdout).toContain(
      '2 of 7 pods run the new template; next is shop-master-0-0, which waits for its turn\n',
    );
    expect(stdout.endsWith('shop is Ready\n')).toBe(true);
    expect(shopOf(cluster).spec.version).toBe('v2.59.1');
  });

  it('changes nothing with --dry-run', async () => {
    const cluster = settled();
    const { code, stdout } = await runWaba(['upgrade', 'shop', '--to', 'v2.59.1', '--dry-run'], { cluster });
    expect([code, shopOf(cluster).spec.version]).toEqual([0, 'v2.57.1']);
    expect(stdout).toContain('restart Pod/shop-coreapp-0-0');
  });

  it('approves the generation that it makes', async () => {
    const cluster = settled({ upgrade: { mode: 'Manual' } });
    await runWaba(['upgrade', 'shop', '--to', 'v2.59.1', '--approve', '--no-wait'], { cluster });
    const { annotations, generation } = shopOf(cluster).metadata;
    expect(annotations['waba-operator.dev/approved-generation']).toBe(String(generation));
  });

  it('refuses a downgrade with the words of the operator', async () => {
    const cluster = settled({ version: 'v2.59.1' });
    const { code, stderr } = await runWaba(['upgrade', 'shop', '--to', 'v2.57.1'], { cluster });
    expect(code).toBe(1);
    expect(stderr).toContain('the database has the schema of v2.59.1, which v2.57.1 cannot use');
    expect(shopOf(cluster).spec.version).toBe('v2.59.1');
  });

  it('asks for the images that hold the version', async () => {
    const cluster = settled({ images: { webapp: 'web:1', coreapp: 'core:1' } });
    const { code, stderr } = await runWaba(['upgrade', 'shop', '--to', 'v2.59.1'], { cluster });
    expect(code).toBe(2);
    expect(stderr).toContain('name those of v2.59.1 with --webapp-image and --coreapp-image');
    const images = ['--webapp-image', 'web:2', '--coreapp-image', 'core:2', '--no-wait'];
    await runWaba(['upgrade', 'shop', '--to', 'v2.59.1', ...images], { cluster });
    expect(shopOf(cluster).spec.images).toEqual({ webapp: 'web:2', coreapp: 'core:2' });
  });

  it('ends with 1 and the way back when the operator stops the rollout', async () => {
    const cluster = settled();
    const message = 'waits for a change of spec: set spec back to version v2.57.1';
    const conditions = [{ type: 'Progressing', status: 'False', reason: 'RolloutStopped', message }];
    operatorReports(cluster, { conditions });
    const { code, stderr } = await runWaba(['upgrade', 'shop', '--to', 'v2.59.1'], { cluster });
    expect([code, stderr]).toEqual([1, `error: ${message}\n`]);
  });

  it('leaves the rollout going on Ctrl-C, and says so', async () => {
    const cluster = settled();
    operatorReports(cluster, ROLLING);
    const stop = new AbortController();
    const { code, stdout } = await runWaba(['upgrade', 'shop', '--to', 'v2.59.1'], {
      cluster,
      signal: stop.signal,
      onOutput: (output) => output.includes('2 of 7') && stop.abort(),
    });
    expect(code).toBe(130);
    expect(stdout).toContain('the operator goes on with the rollout of shop');
  });
});
