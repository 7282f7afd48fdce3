import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runWaba } from '../../test/support/cliRun.ts';
import { FakeCluster } from '../../test/support/fakeCluster.ts';
import { ApiError, TransportError } from '../engine/kube/apiError.ts';

const USAGE: readonly [args: string[], message: string][] = [
  [['sttaus'], 'Did you mean status?'],
  [['status', '-o', 'yaml'], 'Allowed choices are text, json'],
  [['verify', 'shop'], 'verify needs --code with the registration code, or --resend'],
  [['verify', 'shop', '--code', '12'], '--code must be six digits'],
  [['plan'], 'plan needs either -f with a file or the name'],
  [['upgrade', 'shop'], "required option '--to <version>' not specified"],
  [['login'], "missing required argument 'name'"],
  [['backup'], "missing required argument 'name'"],
  [['backup', 'shop', '--size', '1'], "unknown option '--size'"],
  [['backup', 'list', '-o', 'yaml'], 'Allowed choices are text, json'],
  [['send', 'shop'], "required option '--to <number>' not specified"],
  [['send', 'shop', '--to', '1', '--message', '[]'], '--message must be a JSON object'],
  [['shards', 'shop', '--set', '3'], 'Use one of 1, 2, 4, 8, 16, 32'],
  [['logs', 'shop', '--since', 'soon'], 'like 10m'],
  [['contacts', 'shop'], "missing required argument 'numbers'"],
  [['local', 'up', '--port', '99999'], 'Use a number from 1 to 65535'],
  [['quickstart', 'sideways'], 'Allowed choices are up, down'],
  [['namespace', 'enable'], "missing required argument 'namespace'"],
  [['webhooks', 'receive'], "required option '--cert <file>' not specified"],
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
    const refused = await failing(new TransportError('GET /x', new Error('connect ECONNREFUSED')));
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('the Kubernetes API server does not answer');
    expect(refused.stderr).toContain('connect ECONNREFUSED; check that the cluster runs');
    const forbidden = await failing(new ApiError(403, { reason: 'Forbidden', message: 'no' }, 'GET /x'));
    expect(forbidden.stderr).toContain('ask an administrator of the cluster for this permission');
    const path = 'GET /apis/waba-operator.dev/v1alpha1/namespaces/default/whatsappdeployments/shop';
    const noCrd = await failing(ApiError.parse(404, '404 page not found', path));
    expect(noCrd.stderr).toContain('no WhatsAppDeployment kind; install the operator and its CRDs');
    const backups = path.replace('whatsappdeployments/shop', 'whatsappbackups');
    const older = await failing(ApiError.parse(404, '404 page not found', backups));
    expect(older.stderr).toContain('no WhatsAppBackup kind; upgrade the operator and its CRDs');
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
