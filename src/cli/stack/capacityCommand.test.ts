import { describe, expect, it } from 'vitest';
import { runWaba } from '../../../test/support/cliRun.ts';
import type { FakeCluster } from '../../../test/support/fakeCluster.ts';
import { settledCluster } from '../../../test/support/settledCluster.ts';
import { whatsAppDeployment } from '../../../test/support/whatsAppDeployment.ts';
import { APPROVED_GENERATION } from '../../operator/plan/facts/names.ts';
import type { WhatsAppDeployment } from '../../operator/resource/whatsAppDeployment.ts';

const SHOP = '/apis/waba-operator.dev/v1alpha1/namespaces/default/whatsappdeployments/shop';
const specOf = (cluster: FakeCluster) => (cluster.find(SHOP) as WhatsAppDeployment).spec;
const settled = (spec: object = { multiconnect: { shards: 2, standbys: 1 } }) =>
  settledCluster(whatsAppDeployment({ spec }));
const RATE = ['--messages-per-second', '40'];

describe('kubectl waba capacity', () => {
  it('shows the present size', async () => {
    const { code, stdout } = await runWaba(['capacity', 'shop'], { cluster: settled() });
    expect(code).toBe(0);
    expect(stdout).toMatch(/messages\/s +10\nshards +2\nCoreapps +3\nMasters +2\nWebapps +2\n/);
  });

  it('shows sizes, interruption, pods and the call that another rate brings, and stores nothing', async () => {
    const cluster = settled();
    const { code, stdout, stderr } = await runWaba(['capacity', 'shop', ...RATE], { cluster });
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/messages\/s +10 +40\nshards +2 +8\nCoreapps +3 +9\n/);
    // 9 Coreapps of 600Mi, 2 Webapps of 400Mi, 2 Masters of 128Mi.
    expect(stdout).toMatch(/CPU requested +1.05 +10.1\nmemory requested +\S+ \S+ +6.3 GiB\n/);
    expect(stdout).toContain('The number changes from 2 to 8 shards once all new Coreapps have joined.');
    expect(stdout).toContain('+ create StatefulSet/shop-coreapp-8');
    expect(stdout).toContain('→ API POST /v1/account/shards: from 2 to 8 shards');
    expect(specOf(cluster)).toMatchObject({ multiconnect: { shards: 2 } });
  });

  it('says why the number of shards does not change', async () => {
    const cluster = settled({ multiconnect: { shards: 2, standbys: 1 }, hibernated: true });
    const { stdout } = await runWaba(['capacity', 'shop', ...RATE], { cluster });
    expect(stdout).toContain('The number does not change from 2 to 8 shards yet');
  });

  it('sets the rate with --apply, instead of the number of shards', async () => {
    const cluster = settled();
    const { code, stdout } = await runWaba(['capacity', 'shop', ...RATE, '--apply'], { cluster });
    expect([code, stdout.endsWith('`kubectl waba status shop` shows the progress\n')]).toEqual([0, true]);
    expect(specOf(cluster).capacity).toEqual({ messagesPerSecond: 40 });
    expect(specOf(cluster).multiconnect ?? undefined).toBeUndefined();
  });

  it('says that the change waits for approval, and approves it with --approve', async () => {
    const cluster = settled({ multiconnect: { shards: 2, standbys: 1 }, upgrade: { mode: 'Manual' } });
    const { stdout } = await runWaba(['capacity', 'shop', ...RATE], { cluster });
    expect(stdout).toMatch(/the number of shards waits for approval .*approved-generation=\d/);
    await runWaba(['capacity', 'shop', ...RATE, '--apply'], { cluster });
    const { metadata } = cluster.find(SHOP) as WhatsAppDeployment;
    expect(metadata.annotations ?? {}).toEqual({});
    const approved = await runWaba(['capacity', 'shop', ...RATE, '--apply', '--approve'], { cluster });
    expect([approved.code, approved.stderr]).toEqual([0, '']);
    const { annotations, generation } = (cluster.find(SHOP) as WhatsAppDeployment).metadata;
    expect(annotations).toEqual({ [APPROVED_GENERATION]: String(generation) });
  });

  it('prints data for programs, and refuses what the vendor does not support', async () => {
    const { stdout } = await runWaba(['capacity', 'shop', ...RATE, '-o', 'json'], { cluster: settled() });
    const { now, then, forecast } = JSON.parse(stdout) as Record<string, object>;
    expect([now, then, forecast]).toMatchObject([{ shards: 2 }, { shards: 8 }, { name: 'shop' }]);
    const refused = await runWaba(['capacity', 'shop', '--messages-per-second', '251'], {
      cluster: settled(),
    });
    expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining('from 1 to 250')]);
  });
});
