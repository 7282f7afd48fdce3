import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dump } from 'js-yaml';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { runWaba } from '../../../test/support/cliRun.ts';
import type { FakeCluster } from '../../../test/support/fakeCluster.ts';
import { settledCluster } from '../../../test/support/settledCluster.ts';
import { whatsAppDeployment } from '../../../test/support/whatsAppDeployment.ts';
import { ApiError } from '../../engine/kube/apiError.ts';
import type { Forecast } from '../../operator/plan/foresee/forecast.ts';

const SPEC = { multiconnect: { shards: 1, standbys: 1 } };
let folder: string;
let cluster: FakeCluster;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'waba-plan-'));
});
afterAll(() => rm(folder, { recursive: true }));
beforeEach(() => {
  cluster = settledCluster(whatsAppDeployment({ spec: SPEC }));
});

const stack = (spec: object = {}, name = 'shop') => ({
  apiVersion: 'waba-operator.dev/v1alpha1',
  kind: 'WhatsAppDeployment',
  metadata: { name },
  spec: { phoneNumber: '+16315551000', ...SPEC, ...spec },
});

async function plan(documents: readonly object[], ...args: string[]) {
  const file = join(folder, 'stack.yaml');
  await writeFile(file, documents.map((document) => dump(document)).join('---\n'));
  return runWaba(['plan', '-f', file, ...args], { cluster });
}

const forbid = (text: string) => {
  cluster.onRequest = ({ path }) => {
    if (path.includes(text)) throw new ApiError(403, { reason: 'Forbidden', message: 'no' }, path);
  };
};

describe('kubectl waba plan', () => {
  it('says that nothing would happen, and ends with 0', async () => {
    const { code, stdout, stderr } = await plan([stack()], '--exit-code');
    expect([code, stdout, stderr]).toEqual([0, 'default/shop: nothing would happen\n', '']);
    expect((await runWaba(['plan', 'shop', '--exit-code'], { cluster })).code).toBe(0);
  });

  it('stores nothing', async () => {
    const writes: unknown[] = [];
    cluster.onRequest = ({ method, query }) => {
      if (method !== 'GET') writes.push(query?.dryRun);
    };
    await plan([stack({ imagePullSecrets: [{ name: 'registry' }] })]);
    expect(writes).toEqual(['All']);
  });

  it('names objects, restarts with reason and role, and calls, and ends with 2', async () => {
    const settings = { heartbeatInterval: 7, callbackPersist: false };
    const { code, stdout } = await plan([stack({ settings })], '--exit-code', '--diff');
    expect(code).toBe(2);
    expect(stdout).toContain('→ API PATCH /v1/settings/application: declared in spec.settings');
    expect(stdout).toContain('heartbeat_interval');
    expect(stdout).toContain('-/+ restart Pod/shop-coreapp-0-0 (coreapp): restarts changed');
    expect(stdout).toContain('~ change StatefulSet/shop-coreapp-1: restarts changed');
    expect(stdout).not.toContain('Pod/shop-master-0-0');
    expect(stdout.indexOf('Pod/shop-coreapp-1-0')).toBeLessThan(stdout.indexOf('Pod/shop-coreapp-0-0'));
  });

  it('shows each field with --diff, and hides what may be secret', async () => {
    const podTemplate = {
      env: [
        { name: 'API_TOKEN', value: 'geheim' },
        { name: 'TZ', value: 'UTC' },
      ],
    };
    const { stdout } = await plan([stack({ nodes: { webapp: { podTemplate } } })], '--diff');
    expect(stdout).toContain('+ spec.template.spec.containers[name=webapp].env[name=TZ].value: "UTC"');
    expect(stdout).toContain('env[name=API_TOKEN].value: "(hidden)"');
    expect(stdout).not.toContain('geheim');
    expect(stdout).toContain('-/+ restart Deployment/shop-webapp (webapp): spec.nodes changed');
  });

  it('plans every resource of a file, also a new one, from the standard input', async () => {
    const stdin = [stack(), { ...stack({ phoneNumber: '+16315551001' }, 'other') }]
      .map((document) => dump(document))
      .join('---\n');
    const { stdout } = await runWaba(['plan', '-f', '-', '-o', 'json'], { cluster, stdin });
    const [shop, other] = JSON.parse(stdout) as Forecast[];
    expect(shop?.entries).toEqual([]);
    const made = other?.entries.map(({ action, target }) => `${action} ${target}`);
    expect(made).toContain('Create StatefulSet/other-master-0');
    expect(made).toContain('Create Secret/other-keys');
    expect(made).toContain('Call POST /v1/account/verify');
  });

  it('of a stack that begins with a backup registers nothing, and says where number and data come from', async () => {
    const restoreFrom = { backup: 'last', deployment: 'lost' };
    const spec = { phoneNumber: '+16315551001', registration: { restoreFrom } };
    const stdin = dump(stack(spec, 'other'));
    const { stdout } = await runWaba(['plan', '-f', '-', '-o', 'json'], { cluster, stdin });
    const [{ entries, waits } = { entries: [], waits: [] }] = JSON.parse(stdout) as Forecast[];
    const made = entries.map(({ action, target }) => `${action} ${target}`);
    expect(made).toContain('Create StatefulSet/other-master-0');
    expect(made.filter((entry) => entry.includes('/v1/account'))).toEqual([]);
    expect(waits[0]).toMatchObject({
      target: 'WhatsAppDeployment/other',
      action: 'Restore',
      reason: expect.stringContaining('first the operator restores backup default/lost/last'),
    });
  });

  it('says what waits for approval, and what foresees it', async () => {
    const upgrade = { mode: 'Manual' };
    const { stdout } = await plan([stack({ upgrade, imagePullSecrets: [{ name: 'registry' }] })]);
    expect(stdout).toContain('-/+ restart Pod/shop-master-0-0');
    expect(stdout).toContain('approved-generation=2');
  });

  it('names what the user may not look at, and foresees the rest', async () => {
    forbid('/secrets/');
    const hidden = await plan([stack({ imagePullSecrets: [{ name: 'registry' }] })]);
    expect(hidden.stderr).toBe('');
    expect(hidden.stdout).toContain(
      'could not look at Secret shop-keys, so what follows from its content is not foreseen',
    );
    expect(hidden.stdout).toContain('spec.imagePullSecrets changed');
    expect(hidden.stdout).not.toContain('secrets, ');
    expect((await plan([stack()], '--exit-code')).code).toBe(0);
    forbid('/services');
    const { stdout } = await plan([stack({ service: { annotations: { a: 'b' } } })]);
    expect(stdout).toContain('could not look at objects of kind Service in namespace default');
    expect(stdout).not.toContain('create Service');
  });

  it('ends with 1 on an error of the API server, of the file, and without a resource', async () => {
    cluster.onRequest = ({ method }) => {
      if (method === 'PATCH')
        throw new ApiError(422, { reason: 'Invalid', message: 'spec.version: too old' }, 'PATCH');
    };
    const invalid = await plan([stack()], '--exit-code');
    expect([invalid.code, invalid.stderr]).toEqual([1, expect.stringContaining('spec.version: too old')]);
    expect((await plan([{ kind: 'Secret', metadata: { name: 'a' } }])).stderr).toContain(
      'holds no WhatsAppDeployment',
    );
    const missing = await runWaba(['plan', '-f', join(folder, 'gone.yaml')], { cluster });
    expect([missing.code, missing.stderr]).toEqual([1, expect.stringContaining('cannot read')]);
  });
});
