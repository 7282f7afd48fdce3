import { beforeEach, describe, expect, it } from 'vitest';
import { runWaba } from '../../../../test/support/cliRun.ts';
import { FakeCluster } from '../../../../test/support/fakeCluster.ts';
import { whatsAppDeployment } from '../../../../test/support/whatsAppDeployment.ts';
import { ApiError } from '../../../engine/kube/apiError.ts';
import type { Report } from './report.ts';

const NUMBER = '+16315551000';
const PLANTED = ['planted&password', 'planted-api-key', 'planted-pin-123'];
const [password = '', apiKey = '', other = ''] = PLANTED;

const secret = (name: string, content: Record<string, string>) => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name, namespace: 'default' },
  data: Object.fromEntries(
    Object.entries(content).map(([key, text]) => [key, Buffer.from(text).toString('base64')]),
  ),
});

const condition = (type: string, reason: string, message: string) => ({
  type,
  status: 'False',
  reason,
  message,
  observedGeneration: 1,
  lastTransitionTime: '2026-01-01T00:00:00Z',
});

let cluster: FakeCluster;
const waba = (...args: string[]) => runWaba(['doctor', ...args], { cluster });
const checksOf = (stdout: string) =>
  new Map(
    (JSON.parse(stdout) as Report).sections.flatMap(({ checks }) => checks.map((each) => [each.id, each])),
  );
beforeEach(() => {
  cluster = new FakeCluster(
    whatsAppDeployment({
      spec: { phoneNumber: NUMBER },
      status: {
        observedGeneration: 1,
        conditions: [
          condition('SpecValid', 'NumberInUse', `another stack has ${NUMBER}, and 16315551000 too`),
          condition('DatabaseReady', 'DatabaseLoginRefused', `the server refuses ${password} and ${apiKey}`),
        ],
      },
    }),
    secret('shop-database', { username: 'waba', password }),
    secret('shop-keys', { apiKey }),
    secret('shop-admin', { password: other }),
  );
});

describe('kubectl waba doctor', () => {
  it('prints checks by group with what to do, and ends with 3 if one failed', async () => {
    const { code, stdout } = await waba('shop');
    expect(code).toBe(3);
    expect(stdout).toMatch(/^Cluster\n {4}✔ kubernetes-version {2,}Kubernetes v1/);
    expect(stdout).toMatch(/\n\nNamespace default\n {4}✘ responsible {2,}the cluster has no Deployment/);
    expect(stdout).toMatch(/\nStack default\/shop\n {2}State\n/);
    expect(stdout).toMatch(/✘ database {2,}DatabaseReady is False, DatabaseLoginRefused.*\n +→ /);
    expect(stdout).toMatch(/\d+ ok, \d+ warnings, \d+ failed, \d+ could not run\n$/);
  });

  it('shows no value of a Secret and no phone number, in no form of output', async () => {
    for (const output of ['text', 'json', 'yaml']) {
      const { stdout, stderr } = await waba('shop', '-o', output);
      for (const planted of [...PLANTED, NUMBER, NUMBER.slice(1)])
        expect(stdout + stderr).not.toContain(planted);
      // YAML breaks long lines.
      const text = stdout.replace(/\s+/g, ' ');
      expect(text).toContain('another stack has ***000, and ***000 too');
      expect(text).toContain('the server refuses *** and ***');
    }
    const checks = checksOf((await waba('shop', '-o', 'json')).stdout);
    expect(checks.get('database-password')).toMatchObject({
      verdict: 'failed',
      evidence: ['the password in Secret shop-database has the characters &, on which the client fails'],
    });
  });

  it('goes on where the user lacks a right, names it, and counts that as no failure', async () => {
    cluster.put(whatsAppDeployment({ status: { observedGeneration: 1 } }));
    cluster.onRequest = ({ path }) => {
      if (path.includes('/whatsappdeployments')) return;
      throw new ApiError(403, { reason: 'Forbidden', message: 'forbidden' }, path);
    };
    const { code, stdout } = await waba('-o', 'json');
    const checks = checksOf(stdout);
    expect(checks.get('pods')).toMatchObject({
      verdict: 'unknown',
      evidence: ['needs the right to list pods in namespace default'],
    });
    expect(checks.get('webhook')?.verdict).toBe('warning');
    expect(code).toBe(0);
    expect((await waba('--strict')).code).toBe(3);
    expect((await waba()).stdout).toContain('could not run: needs the right to list nodes of the cluster');
  });

  it('examines all stacks of the namespace, also one that this version does not understand', async () => {
    cluster.put({ ...whatsAppDeployment({ metadata: { name: 'new' } }), spec: { phoneNumber: 7 } });
    const { sections } = JSON.parse((await waba('-o', 'json')).stdout) as Report;
    const stacks = sections.filter(({ of }) => of === 'stack');
    expect(stacks.map(({ name }) => name)).toEqual(['shop', 'new']);
    expect(stacks[1]?.checks).toMatchObject([{ id: 'spec', verdict: 'failed' }]);
    expect(stacks[1]?.checks[0]?.evidence[0]).toContain('does not understand spec.phoneNumber');
  });

  it('says so when the stack does not exist, and reports a cluster without the kind', async () => {
    const missing = await waba('shpo');
    expect(missing.code).toBe(1);
    expect(missing.stderr).toContain('did you mean shop?');
    cluster.onRequest = ({ path }) => {
      if (path.includes('/waba-operator.dev/'))
        throw new ApiError(
          404,
          { reason: 'NotFound', message: 'the server could not find it' },
          `GET ${path}`,
        );
    };
    const { code, stdout } = await waba('-o', 'json');
    expect(code).toBe(3);
    expect(checksOf(stdout).get('crd')).toMatchObject({ verdict: 'failed' });
  });
});
