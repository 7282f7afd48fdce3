import { execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { runWaba } from '../../../test/support/cliRun.ts';
import { FakeCluster } from '../../../test/support/fakeCluster.ts';
import { whatsAppDeployment } from '../../../test/support/whatsAppDeployment.ts';
import type { WhatsAppDeployment } from '../../operator/resource/whatsAppDeployment.ts';

const SHOP = '/apis/waba-operator.dev/v1alpha1/namespaces/default/whatsappdeployments/shop';

let cluster: FakeCluster;
const waba = (...args: string[]) => runWaba(args, { cluster });
const shop = () => cluster.find(SHOP) as WhatsAppDeployment;
beforeEach(() => {
  cluster = new FakeCluster(whatsAppDeployment());
});

describe('kubectl waba pause and resume', () => {
  it('set spec.paused, and say what that means', async () => {
    expect((await waba('pause', 'shop')).stdout).toContain(
      'its pods keep running, and the operator changes nothing until `kubectl waba resume shop`',
    );
    expect(shop().spec.paused).toBe(true);
    expect((await waba('resume', 'shop')).stdout).toBe('shop is resumed\n');
    expect(shop().spec.paused).toBe(false);
  });
});

describe('kubectl waba hibernate', () => {
  it('sets spec.hibernated, takes it back with --wake, and says when a pause holds it up', async () => {
    const { stdout } = await waba('hibernate', 'shop');
    expect(stdout).toContain('`kubectl waba hibernate shop --wake` starts it again');
    expect(shop().spec.hibernated).toBe(true);
    expect((await waba('hibernate', 'shop', '--wake')).stdout).toContain(
      'its database starts, then its nodes',
    );
    expect(shop().spec.hibernated).toBe(false);
    await waba('pause', 'shop');
    expect((await waba('hibernate', 'shop')).stdout).toContain(
      'nothing happens until `kubectl waba resume shop`',
    );
  });
});

describe('kubectl waba verify', () => {
  it('stores the code in a Secret that the resource then names', async () => {
    const { stdout } = await waba('verify', 'shop', '--code', '123-456');
    expect(stdout).toContain('code stored in Secret shop-code');
    expect(cluster.find('/api/v1/namespaces/default/secrets/shop-code')).toMatchObject({
      stringData: { code: '123-456' },
    });
    expect(shop().spec.registration.codeSecretRef).toEqual({ name: 'shop-code', key: 'code' });
  });

  it('requests another code by the next attempt', async () => {
    expect((await waba('verify', 'shop', '--resend')).stdout).toContain('attempt is now 2');
    expect(shop().spec.registration.attempt).toBe(2);
  });
});

describe('kubectl waba check', () => {
  /** The operator checks the webhook as soon as the annotation changes. */
  const operatorFinds = (status: string, reason: string, message: string) => {
    cluster.onRequest = ({ method }) => {
      const asked = shop().metadata.annotations['waba-operator.dev/check-webhook'];
      if (method !== 'GET' || asked === undefined) return;
      const condition = { type: 'WebhookReady', status, reason, message, lastTransitionTime: asked };
      cluster.put({ ...shop(), status: { webhook: { checked: asked }, conditions: [condition] } });
    };
  };

  it('prints what the operator found', async () => {
    operatorFinds('True', 'Answers', 'the receiver answers with 200');
    expect(await waba('check', 'shop')).toEqual({
      code: 0,
      stdout: 'Answers: the receiver answers with 200\n',
      stderr: '',
    });
  });

  it('fails if callbacks do not arrive', async () => {
    operatorFinds('False', 'Refused', 'nothing listens on port 443');
    const { code, stdout, stderr } = await waba('check', 'shop');
    expect(code).toBe(1);
    expect(stdout).toBe('Refused: nothing listens on port 443\n');
    expect(stderr).toBe('error: the webhook of shop does not receive callbacks\n');
  });
});

describe('kubectl waba shards', () => {
  it('shows the owner of each shard, also of one that has none', async () => {
    const status = {
      shards: { desired: 2, served: 1, owners: { 0: 'shop-coreapp-0-0' } },
      nodes: [{ name: 'shop-coreapp-0-0', role: 'Coreapp', ready: true, gatewayStatus: 'connected' }],
    };
    cluster.put(whatsAppDeployment({ status }));
    expect((await waba('shards', 'shop')).stdout.split('\n').map((line) => line.split(/\s{2,}/))).toEqual([
      ['SHARD', 'OWNER', 'GATEWAY'],
      ['0', 'shop-coreapp-0-0', 'connected'],
      ['1', '-', '-'],
      [''],
      ['1 of 2 shards are served'],
      [''],
    ]);
  });

  it('declares another number of shards', async () => {
    expect((await waba('shards', 'shop', '--set', '4')).stdout).toContain('multiconnect.shards is now 4');
    expect(shop().spec.multiconnect?.shards).toBe(4);
  });
});

describe('kubectl waba support', () => {
  it('writes objects, logs and the report of the doctor, without secrets and numbers, and lists what it could not read', async () => {
    const metadata = { name: 'planted', namespace: 'default' };
    cluster.put({ apiVersion: 'v1', kind: 'Secret', metadata, data: { password: 'cGxhbnRlZA==' } });
    cluster.put({ apiVersion: 'v1', kind: 'Pod', metadata, spec: { containers: [{ name: 'webapp' }] } });
    cluster.log = 'a line of the Webapp about planted and 16505550011\n';
    cluster.onRequest = ({ path }) => {
      if (path.endsWith('/leases')) throw new Error('leases are forbidden');
    };
    const folder = await mkdtemp(join(tmpdir(), 'waba-support-test-'));
    try {
      const file = join(folder, 'bundle.tgz');
      const { code, stderr } = await waba('support', '--file', file);
      expect(stderr).toContain('2 items could not be read, see not-collected.txt in it');
      expect(code).toBe(0);
      const content = (name: string) =>
        execFileSync('tar', ['-xzOf', file, `waba-support/${name}`], { encoding: 'utf8' });
      expect(content('default/logs/planted_webapp.log')).toBe('a line of the Webapp about *** and ***011\n');
      const whole = execFileSync('tar', ['-xzOf', file], { encoding: 'utf8' });
      for (const number of ['16315551000', '16505550011']) expect(whole).not.toContain(number);
      expect(content('default/whatsappdeployments.yaml')).toContain("phoneNumber: '***000'");
      expect(content('doctor.txt')).toContain('Stack default/shop');
      expect(JSON.parse(content('doctor.json'))).toMatchObject({ verdict: expect.any(String) });
      expect(content('default/secrets.yaml')).toContain('password: (removed)');
      expect(content('default/secrets.yaml')).not.toContain('cGxhbnRlZA==');
      expect(content('not-collected.txt')).toContain('default leases: leases are forbidden');
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});
