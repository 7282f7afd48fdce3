import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runWaba } from '../../test/support/cliRun.ts';
import { FakeCluster } from '../../test/support/fakeCluster.ts';
import { whatsAppDeployment } from '../../test/support/whatsAppDeployment.ts';
import { ApiError, TransportError } from '../engine/kube/apiError.ts';

const USAGE: readonly [args: string[], message: string][] = [
  [['sttaus'], 'Did you mean status?'],
  [['status', '-o', 'xml'], 'Allowed choices are text, json, yaml, wide, name'],
  [['verify', 'shop'], 'verify needs --code with the registration code, or --resend'],
  [['verify', 'shop', '--code', '12'], '--code must be six digits'],
  [['plan'], 'plan needs either -f with a file or the name'],
  [['upgrade', 'shop'], "required option '--to <version>' not specified"],
  [['login'], "missing required argument 'name'"],
  [['backup'], "missing required argument 'name'"],
  [['backup', 'shop', '--size', '1'], "unknown option '--size'"],
  [['backup', 'list', '-o', 'xml'], 'Allowed choices are text, json, yaml'],
  [['send', 'shop'], "required option '--to <number>' not specified"],
  [['send', 'shop', '--to', '1', '--message', '[]'], '--message must be a JSON object'],
  [['shards', 'shop', '--set', '3'], 'Use one of 1, 2, 4, 8, 16, 32'],
  [['logs', 'shop', '--since', 'soon'], 'like 10m'],
  [['contacts', 'shop'], "missing required argument 'numbers'"],
  [['local', 'up', '--port', '99999'], 'Use a number from 1 to 65535'],
  [['quickstart', 'sideways'], 'Allowed choices are up, down'],
  [['namespace', 'enable'], "missing required argument 'namespace'"],
  [['webhooks', 'receive', '--cert', 'a'], 'needs --cert and --key together'],
  [['demo'], 'DEMO_HOST is not set'],
];

describe('kubectl waba', () => {
  it.each(USAGE)('ends with 2 and says what is wrong with: %j', async (args, message) => {
    const { code, stderr } = await runWaba(args, { cluster: new FakeCluster() });
    expect(stderr).toContain(message);
    expect(stderr).toContain('add --help for help');
    expect(code).toBe(2);
  });

  it('explains a silent API server, a missing permission and a missing CRD', async () => {
    const failing = async (error: Error) => {
      const cluster = new FakeCluster();
      cluster.onRequest = () => {
        throw error;
      };
      return runWaba(['status', 'shop'], { cluster });
    };
    const system = (code: string, message: string) => Object.assign(new Error(message), { code });
    const silent = async (code: string, message: string) =>
      (await failing(new TransportError('GET /x', system(code, message)))).stderr;
    expect(await silent('ECONNREFUSED', 'connect')).toContain(
      'nothing listens at https://cluster:6443 (connection refused)',
    );
    expect(await silent('ENOTFOUND', 'getaddrinfo ENOTFOUND nowhere')).toContain(
      'unknown host: getaddrinfo ENOTFOUND nowhere, for https://cluster:6443',
    );
    expect(await silent('DEPTH_ZERO_SELF_SIGNED_CERT', 'self-signed certificate')).toContain(
      'the certificate of https://cluster:6443 is not trusted: self-signed certificate',
    );
    expect(await silent('ECONNRESET', 'socket hang up')).toContain(
      'https://cluster:6443 does not answer: socket hang up',
    );
    const stranger = await failing(new ApiError(401, { reason: 'Unauthorized' }, 'GET /x'));
    expect(stranger.stderr).toContain('https://cluster:6443 does not accept the credentials');
    const forbidden = await failing(new ApiError(403, { reason: 'Forbidden', message: 'no' }, 'GET /x'));
    expect(forbidden.stderr).toContain('ask an administrator of the cluster for this permission');
    const path = 'GET /apis/waba-operator.dev/v1alpha1/namespaces/default/whatsappdeployments/shop';
    const noCrd = await failing(ApiError.parse(404, '404 page not found', path));
    expect(noCrd.stderr).toContain('no WhatsAppDeployment kind; install the operator and its CRDs');
    const backups = path.replace('whatsappdeployments/shop', 'whatsappbackups');
    const older = await failing(ApiError.parse(404, '404 page not found', backups));
    expect(older.stderr).toContain('no WhatsAppBackup kind; upgrade the operator and its CRDs');
  });

  it('takes the options of the cluster before and after the command', async () => {
    for (const args of [
      ['-n', 'sales', 'pause', 'shop'],
      ['pause', '-n', 'sales', 'shop'],
      ['pause', 'shop', '--namespace=sales'],
    ])
      expect((await runWaba(args, { cluster: new FakeCluster() })).stderr).toContain('in namespace sales');
    const nested = await runWaba(['backup', '-n', 'sales', 'list'], { cluster: new FakeCluster() });
    expect(nested.stdout).toContain('in namespace sales');
  });

  it('names the stack that was meant', async () => {
    const cluster = new FakeCluster(whatsAppDeployment());
    expect((await runWaba(['pause', 'shpo'], { cluster })).stderr).toContain('did you mean shop?');
  });

  it('tells its version and that of each operator', async () => {
    const cluster = new FakeCluster({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: {
        name: 'waba-operator',
        namespace: 'system',
        labels: {
          'app.kubernetes.io/name': 'waba-operator',
          'app.kubernetes.io/component': 'operator',
          'app.kubernetes.io/version': '0.2.0',
        },
      },
    });
    expect((await runWaba(['version'], { cluster })).stdout).toBe(
      'kubectl-waba 0.0.0\noperator system/waba-operator 0.2.0; use the kubectl-waba of this version\n',
    );
    const { stdout } = await runWaba(['version', '-o', 'json'], { cluster });
    expect(JSON.parse(stdout)).toEqual({
      client: '0.0.0',
      operators: [{ namespace: 'system', name: 'waba-operator', version: '0.2.0' }],
    });
    expect((await runWaba(['version', '--client'])).stdout).toBe('kubectl-waba 0.0.0\n');
  });

  it('completes names of stacks and namespaces, and values of options', async () => {
    const other = whatsAppDeployment({ metadata: { name: 'sold', namespace: 'sales' } });
    const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'sales' } };
    const cluster = new FakeCluster(whatsAppDeployment(), other, namespace);
    const next = async (...words: string[]) => {
      const { stdout } = await runWaba(['completion-words', ...words], { cluster });
      return stdout.split('\n').slice(0, -2);
    };
    expect(await next('pause', 's')).toEqual(['shop']);
    expect(await next('-n', 'sales', 'pause', '')).toContain('sold');
    expect(await next('status', '--namespace', '')).toEqual(['sales']);
    expect(await next('status', '-o', 'y')).toEqual(['yaml']);
    expect(await next('logs', 'shop', '--role', 'we')).toEqual(['webapp']);
    expect(await next('backup', 'list', 's')).toEqual(['shop']);
    expect(await next('quickstart', 'd')).toEqual(['down']);
    expect(await next('namespace', 'enable', 's')).toEqual(['sales']);
    expect(await next('pause', 'shop', '')).not.toContain('shop');
  });

  it('names a stack that does not exist, and how to find it', async () => {
    const { code, stderr } = await runWaba(['pause', 'shop', '-n', 'sales'], { cluster: new FakeCluster() });
    expect(code).toBe(1);
    expect(stderr).toContain('no WhatsAppDeployment shop in namespace sales; list them with');
  });
});

describe('the kubeconfig', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'waba-cli-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('is named when it cannot be read, or lacks the context', async () => {
    const missing = join(folder, 'missing');
    expect((await runWaba(['status', '--kubeconfig', missing])).stderr).toContain(
      `cannot read kubeconfig ${missing}: ENOENT`,
    );
    const file = join(folder, 'kubeconfig');
    await writeFile(file, JSON.stringify({ clusters: [], users: [], contexts: [] }));
    const { code, stderr } = await runWaba(['status', '--kubeconfig', file, '--context', 'nope']);
    expect(stderr).toContain(`${file}: kubeconfig has no cluster for context nope`);
    expect(stderr).toContain('kubectl config get-contexts');
    expect(code).toBe(1);
  });
});
