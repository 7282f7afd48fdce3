import { beforeEach, describe, expect, it } from 'vitest';
import { runWaba } from '../../../../test/support/cliRun.ts';
import { FakeCluster } from '../../../../test/support/fakeCluster.ts';
import { whatsAppDeployment } from '../../../../test/support/whatsAppDeployment.ts';
import { ApiError } from '../../../engine/kube/apiError.ts';
import { NAMESPACE_LEASE } from '../../../operator/plan/facts/names.ts';
import type { Report } from './report.ts';

const LABELS = {
  'app.kubernetes.io/name': 'waba-operator',
  'app.kubernetes.io/component': 'operator',
  'app.kubernetes.io/version': '0.0.0',
};
const operator = (namespace: string, watched: string) => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'waba', namespace, labels: LABELS },
  spec: {
    replicas: 1,
    selector: { matchLabels: { release: namespace } },
    template: {
      spec: { containers: [{ args: ['--leader-elect', '--installation=waba', `--namespaces=${watched}`] }] },
    },
  },
  status: { readyReplicas: 1 },
});
const stack = (namespace: string, name: string, labels: Record<string, string> = {}) =>
  whatsAppDeployment({ metadata: { namespace, name, labels }, status: { observedGeneration: 1 } });
const claim = (namespace: string, holderIdentity: string) => ({
  apiVersion: 'coordination.k8s.io/v1',
  kind: 'Lease',
  metadata: { name: NAMESPACE_LEASE, namespace },
  spec: { holderIdentity, renewTime: new Date().toISOString(), leaseDurationSeconds: 120 },
});

let cluster: FakeCluster;
beforeEach(() => {
  cluster = new FakeCluster(
    operator('ops-a', 'shops,both'),
    operator('ops-b', 'banks,both'),
    stack('shops', 'one', { tier: 'prod' }),
    stack('shops', 'two'),
    stack('banks', 'one', { tier: 'prod' }),
    claim('shops', 'ops-a/waba'),
    claim('banks', 'ops-b/waba'),
  );
});

const doctor = (...args: string[]) => runWaba(['doctor', ...args], { cluster });
async function report(...args: string[]): Promise<Report> {
  const { stdout, stderr } = await doctor(...args, '-o', 'json');
  if (stdout === '') throw new Error(stderr);
  return JSON.parse(stdout) as Report;
}
const titles = ({ sections }: Report) =>
  sections.map(({ of, namespace, name }) => [of, namespace, name].filter(Boolean).join(' '));
const responsibleIn = ({ sections }: Report, namespace: string) =>
  sections
    .find((each) => each.of === 'namespace' && each.namespace === namespace)
    ?.checks.find(({ id }) => id === 'responsible');

describe('kubectl waba doctor on a fleet', () => {
  it('examines with -A the cluster, the operators, the namespaces and the stacks, each once', async () => {
    expect(titles(await report('-A'))).toEqual([
      'cluster',
      'operator ops-a waba',
      'operator ops-b waba',
      'namespace shops',
      'namespace banks',
      'stack shops one',
      'stack shops two',
      'stack banks one',
    ]);
  });

  it('begins with a table, goes on with what is not well, and names what could not run by its reason', async () => {
    const { code, stdout } = await doctor('-A');
    expect(code).toBe(3);
    const lines = stdout.split('\n');
    expect(lines[0]).toMatch(/^EXAMINED +VERDICT +FAILED +WARNINGS +NOT RUN +NOT WELL$/);
    expect(lines.slice(1, 9).map((line) => line.split(/ {2,}/)[0])).toEqual([
      'Cluster',
      'Operator ops-a/waba',
      'Operator ops-b/waba',
      'Namespace shops',
      'Namespace banks',
      'Stack shops/one',
      'Stack shops/two',
      'Stack banks/one',
    ]);
    expect(stdout).not.toContain('✔');
    expect(stdout).toMatch(/\nOperator ops-b\/waba\n {4}✘ leader +Lease ops-b\/waba does not exist\n/);
    expect(stdout).toMatch(/\nCould not run\n/);
    expect((await doctor('-A', '-v')).stdout).toContain('✔ responsible');
  });

  it('writes commands that work in any namespace, with -A and -n', async () => {
    const remedies = ({ sections }: Report) =>
      sections
        .filter(({ of, namespace }) => of === 'stack' && namespace === 'shops')
        .flatMap(({ checks }) => checks.map(({ remedy = '' }) => remedy))
        .filter((remedy) => remedy.includes('kubectl'));
    for (const given of [await report('-A'), await report('-n', 'shops')]) {
      expect(remedies(given).length).toBeGreaterThan(0);
      for (const remedy of remedies(given)) expect(remedy).toMatch(/kubectl (waba )?-n shops /);
    }
  });

  it('selects stacks by labels, and refuses a name beside that', async () => {
    expect(titles(await report('-A', '-l', 'tier=prod')).slice(-2)).toEqual([
      'stack shops one',
      'stack banks one',
    ]);
    expect(titles(await report('-n', 'shops', '-l', 'tier=prod')).at(-1)).toBe('stack shops one');
    const refused = await doctor('one', '-A');
    expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining('either a NAME')]);
  });

  it('examines the operator that looks after the namespace', async () => {
    const shops = await report('-n', 'shops');
    expect(titles(shops)).toContain('operator ops-a waba');
    expect(titles(shops)).not.toContain('operator ops-b waba');
    expect(responsibleIn(shops, 'shops')).toMatchObject({
      verdict: 'ok',
      evidence: ['operator ops-a/waba works in namespace shops'],
    });
  });

  it('names all operators if none watches the namespace, and all that watch it', async () => {
    const nobody = await report('-n', 'lost');
    expect(responsibleIn(nobody, 'lost')).toMatchObject({
      verdict: 'failed',
      evidence: [
        'operator ops-a/waba watches only shops, both',
        'operator ops-b/waba watches only banks, both',
      ],
    });
    const both = await report('-n', 'both');
    expect(titles(both)).toEqual(expect.arrayContaining(['operator ops-a waba', 'operator ops-b waba']));
    expect(responsibleIn(both, 'both')).toMatchObject({
      verdict: 'warning',
      evidence: [
        'operator ops-a/waba watches namespace both',
        expect.stringContaining('operator ops-b/waba watches it too'),
      ],
    });
    cluster.put(claim('both', 'ops-b/waba'));
    expect(responsibleIn(await report('-n', 'both'), 'both')?.evidence[0]).toBe(
      'operator ops-b/waba works in namespace both',
    );
    const chosen = await report('-n', 'both', '--operator', 'ops-a/waba');
    expect(titles(chosen)).toContain('operator ops-a waba');
    expect(responsibleIn(chosen, 'both')?.evidence[0]).toContain('operator ops-a/waba waits');
  });

  it('takes a Lease that has expired for none, and says so if its holder is unknown', async () => {
    const expired = claim('both', 'ops-b/waba');
    const renewTime = '2020-01-01T00:00:00Z';
    cluster.put({ ...expired, spec: { ...expired.spec, renewTime } });
    expect(responsibleIn(await report('-n', 'both'), 'both')?.evidence[0]).toContain('ops-a/waba watches');
    cluster.put(claim('lost', 'gone/waba'));
    expect(responsibleIn(await report('-n', 'lost'), 'lost')).toMatchObject({ verdict: 'unknown' });
  });

  it('says for each namespace which right is missing, and examines the others', async () => {
    cluster.onRequest = ({ path }) => {
      if (path.includes('/namespaces/banks/') && !path.includes('whatsappdeployments'))
        throw new ApiError(403, { reason: 'Forbidden', message: 'forbidden' }, path);
    };
    const { stdout } = await doctor('-A');
    expect(stdout).toMatch(
      /\? Namespace banks: responsible, .*: needs the right to get leases in namespace banks\n/,
    );
    expect(stdout).toMatch(
      /\? Stack banks\/one: .*pods.*: needs the right to list pods in namespace banks\n/,
    );
    expect(stdout).not.toMatch(/needs the right to list pods in namespace shops/);
  });

  it('says which right -A needs, if the user lacks it', async () => {
    cluster.onRequest = ({ path }) => {
      if (path === '/apis/waba-operator.dev/v1alpha1/whatsappdeployments')
        throw new ApiError(403, { reason: 'Forbidden', message: 'cannot list resource' }, `GET ${path}`);
    };
    const { code, stdout, stderr } = await doctor('-A');
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toContain('cannot list resource');
  });
});
