import { readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadAll } from 'js-yaml';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { TRAEFIK_VERSION } from '../../scripts/traefik.mjs';
import { systemClock } from '../../src/base/clock.ts';
import { createAuthority, issueCertificate } from '../../src/base/pki/certificates.ts';
import { VERSION } from '../../src/base/version.ts';
import { runProgram } from '../../src/cli/program.ts';
import { imageName } from '../../src/cli/quickstart/containerImages.ts';
import { sendOne } from '../../src/cli/quickstart/quickstart.ts';
import type { Report } from '../../src/cli/stack/doctor/report.ts';
import type { KubeObject } from '../../src/engine/kube/kubeObject.ts';
import { kinds } from '../../src/engine/kube/kubeObject.ts';
import { createProgress } from '../../src/local/progress.ts';
import { restricted } from '../../src/operator/plan/render/podTemplate.ts';
import { WhatsAppDeploymentKind } from '../../src/operator/state/stackSources.ts';
import { callByName } from '../support/callByName.ts';
import { never } from '../support/cluster.ts';
import { COLLECTOR, collectorPod } from '../support/collectorPod.ts';
import { E2eCluster } from '../support/e2eCluster.ts';
import { eventually } from '../support/eventually.ts';
import { type ReceivedSpan, receivedSpans } from '../support/receivedSpans.ts';
import { GATEWAY, traefikGateway } from '../support/traefikGateway.ts';

const OPERATOR = 'waba-e2e-operator';
const STACKS = 'waba-e2e-stacks';
const DATABASES = 'databases';
const GATEWAYS = 'gateways';
const COLLECTOR_URL = `http://${COLLECTOR.name}.${DATABASES}.svc:${COLLECTOR.port}`;
const GATEWAY_IMAGE = process.env.WABA_E2E_GATEWAY_IMAGE ?? `docker.io/library/traefik:${TRAEFIK_VERSION}`;
const RELEASE = 'waba-operator';
const ACCOUNT = `system:serviceaccount:${OPERATOR}:${RELEASE}`;
const CHART = 'charts/waba-operator';
const progress = createProgress(process.stderr);

let cluster: E2eCluster;
let failed = false;

beforeAll(async () => {
  const { WABA_E2E_DATABASE_IMAGE, WABA_E2E_MARIADB_IMAGE, WABA_E2E_GATEWAY_IMAGE } = process.env;
  cluster = await E2eCluster.open([WABA_E2E_DATABASE_IMAGE, WABA_E2E_MARIADB_IMAGE, WABA_E2E_GATEWAY_IMAGE]);
  for (const name of [OPERATOR, STACKS, DATABASES, GATEWAYS]) {
    const labels = { 'pod-security.kubernetes.io/enforce': 'restricted' };
    await cluster.apply('default', [{ apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } }]);
  }
});
afterEach(({ task }) => {
  failed ||= task.result?.state === 'fail';
});
afterAll(async () => {
  if (!cluster) return;
  if (failed)
    await cluster
      .support([STACKS, OPERATOR], 'e2e-support.tgz')
      .catch((error: unknown) => progress.note(String(error)));
  await cluster.close();
});

const chartValues = (...more: string[]) => [
  ...(process.env.WABA_E2E_VALUES ? ['--values', process.env.WABA_E2E_VALUES] : []),
  '--set',
  ['replicas=2', `watch.namespaces={${STACKS}}`, ...more].join(','),
];
const send = (resource: Awaited<ReturnType<E2eCluster['stack']>>, webhooks: string[]) =>
  sendOne(
    {
      client: cluster.client,
      namespace: STACKS,
      projectFolder: '.',
      operatorImage: imageName('operator', VERSION),
      clock: systemClock,
      progress,
    },
    resource,
    (line) => void webhooks.push(line),
    never,
  );
const expectedWebhooks = (id: string) =>
  ['sent', 'delivered', 'read'].map((status) => `webhook ${status} ${id}`);
const podsOf = async (stack: string) => {
  const { items } = await cluster.client.list<KubeObject>(
    kinds.Pod,
    { namespace: STACKS, labelSelector: `app.kubernetes.io/instance=${stack}` },
    never,
  );
  return items.map(({ metadata }) => `${metadata.name} ${metadata.uid}`).sort();
};
/** The state of a number in the network process. */
const numberOf = async (number: string) => {
  const { numbers } = (await cluster.simulation(STACKS, (call) => call('GET', '/numbers'))) as {
    numbers: { number: string; registrations: number; codeRequests: number }[];
  };
  return numbers.find((candidate) => candidate.number === number);
};
const leftOf = (stack: string) =>
  cluster.names(
    '-n',
    STACKS,
    'pod,deploy,sts,job,svc,sa,pdb,secret,pvc',
    '-l',
    `app.kubernetes.io/instance=${stack}`,
  );

describe('the images', () => {
  it('hold Node and our bundles: no shell, no package manager, no database, no root, few files of ours', async ({
    skip,
  }) => {
    if (cluster.images.length === 0) skip();
    for (const { image, totalBytes, ownBytes } of cluster.images) {
      const id = (await docker('create', image)).trim();
      const archive = join(tmpdir(), `${id}.tar`);
      await docker('export', '--output', archive, id);
      const listed = await runProgram('tar', ['-tf', archive], {}, never);
      await Promise.all([docker('rm', id), rm(archive)]);
      const files = listed
        .split('\n')
        .filter(Boolean)
        .map((path) => `/${path}`);
      const programs = files.filter((path) => /\/(s?bin|opt\/whatsapp\/bin|nodejs\/bin)\/[^/]+$/.test(path));
      progress.note(`${image}: ${files.length} files; programs: ${programs.join(' ')}`);
      expect(programs).toContain('/nodejs/bin/node');
      expect(files.filter((path) => UNWANTED.test(path))).toEqual([]);
      const { Config } = JSON.parse(await docker('inspect', '--format', '{{json .}}', image)) as {
        Config: { User: string; Labels: Record<string, string> };
      };
      expect(Config.User).toBe('65532:65532');
      expect(Config.Labels['org.opencontainers.image.version']).toBe(VERSION);
      if (image.includes('waba-stack')) expect(Config.Labels.EXPIRES_ON).toMatch(/^\d{4}-\d\d-\d\d$/);
      expect(ownBytes).toBeLessThan(10e6);
      expect(totalBytes).toBeLessThan(80e6);
    }
  });
});

describe('the life of stacks on a real kubelet', () => {
  it('starts with helm install, and a minimal resource becomes Ready', async () => {
    const startedAt = performance.now();
    const notes = await cluster.helm('install', RELEASE, CHART, '-n', OPERATOR, '--wait', ...chartValues());
    expect(notes).toContain(`kubectl apply -n ${STACKS} -f -`);
    await cluster.apply(STACKS, await cluster.example('minimal'));
    await cluster.ready(STACKS, 'shop');
    const seconds = Math.round((performance.now() - startedAt) / 1000);
    progress.note(`from helm install to Ready: ${seconds} s (goal: under 60 s)`);
    for (const namespace of [OPERATOR, STACKS]) progress.note(await startTimes(namespace));
  });

  it('gives the operator the permissions of the chart: Secrets and changes only in enabled namespaces', async () => {
    const can = (...question: string[]) =>
      cluster.kubectl('auth', 'can-i', ...question, '--as', ACCOUNT).then(
        () => true,
        () => false,
      );
    expect(await can('get', 'secrets', '-n', STACKS)).toBe(true);
    expect(await can('get', 'secrets', '-n', 'default')).toBe(false);
    expect(await can('list', 'secrets', '--all-namespaces')).toBe(false);
    expect(await can('create', 'pods', '-n', STACKS)).toBe(false);
    expect(await can('create', 'deployments', '-n', STACKS)).toBe(true);
    for (const kind of ['deployments', 'serviceaccounts', 'jobs'])
      expect(await can('create', kind, '-n', 'default')).toBe(false);
    expect(await can('get', 'nodes')).toBe(false);
    expect(await can('list', 'whatsappdeployments.waba-operator.dev', '--all-namespaces')).toBe(true);
  });

  it('includes the high availability example: it sends a message and receives its webhooks', async () => {
    const webhook = await cluster.receiver(STACKS);
    const [example] = await cluster.example('high-availability');
    await cluster.apply(STACKS, [{ ...example, spec: { ...(example?.spec as object), webhook } }]);
    const support = await cluster.ready(STACKS, 'support');
    const webhooks: string[] = [];
    const id = await send(support, webhooks);
    expect(webhooks.sort()).toEqual(expectedWebhooks(id).sort());
  });

  it('includes kubectl waba from outside the cluster, through port-forwards', async () => {
    const waba = (...args: string[]) => cluster.waba(STACKS, ...args);
    expect(await waba('status', 'support')).toContain('✔ Registered');
    expect((await waba('login', 'support')).trim().split('.')).toHaveLength(3);
    const sent = await waba('send', 'support', '--to', '16505550077', '--open', '--watch');
    expect(sent).toMatch(/^accepted gB\S+\n[\s\S]*read\n$/);
    expect(await waba('shards', 'support')).toMatch(/0\s+support-coreapp-\d-0\s+connected/);
    expect(await waba('users', 'support')).toMatch(/admin\s+ROLE_ADMIN\s+yes/);
    expect(await waba('contacts', 'support', '+1 650 555 0077')).toContain('16505550077');
    const lines = (await waba('logs', 'support', '--since', '1h')).trim().split('\n');
    expect(lines.filter((line) => !/^\d\d:\d\d:\d\d\.\d{3} support-/.test(line))).toEqual([]);
    for (const role of ['webapp', 'master', 'coreapp'])
      expect(lines.some((line) => line.includes(` support-${role}-`))).toBe(true);
    expect(await waba('check', 'support')).toContain('Answers: the receiver answered with 200');
  });

  it('includes what kubectl waba runs in pods, and its port-forwards that stay open', async () => {
    const waba = (...args: string[]) => cluster.waba(STACKS, ...args);
    expect((await waba('psql', 'support', '--', '-tAc', "SELECT 'from the pod'")).trim()).toBe(
      'from the pod',
    );

    const { stdout } = await cluster.wabaAnswer(STACKS, 'doctor', 'support', '-o', 'json');
    const found = (JSON.parse(stdout) as Report).sections.flatMap(({ checks }) => checks);
    for (const { id, verdict, evidence } of found.filter((check) => check.verdict !== 'ok'))
      progress.note(`doctor: ${id} ${verdict}: ${evidence.join('; ')}`);
    const answers = found.filter(({ id }) => ['connections', 'volumes', 'api-from-here'].includes(id));
    expect(answers.map(({ id, verdict }) => `${id} ${verdict}`).sort()).toEqual([
      'api-from-here ok',
      'connections ok',
      'volumes ok',
    ]);
    expect(found.filter(({ verdict }) => verdict === 'failed')).toEqual([]);

    await cluster.whileWabaRuns(STACKS, ['page', 'support', '--no-open'], async (printed) => {
      const [, file = ''] = await eventually(() => /^open (\S+) in a browser/m.exec(printed()) ?? undefined);
      const [, url = ''] = /url=([^"]+)"/.exec(await readFile(file, 'utf8')) ?? [];
      // As a browser does: the token moves to a cookie.
      const moved = await fetch(url.replaceAll('&amp;', '&'), { redirect: 'manual' });
      const [cookie = ''] = moved.headers.get('set-cookie')?.split(';') ?? [];
      const page = await fetch(new URL(moved.headers.get('location') ?? '', url), {
        headers: { accept: 'text/html', cookie },
      });
      expect([page.status, await page.text()]).toEqual([200, expect.stringContaining('<html')]);
    });

    await cluster.whileWabaRuns(STACKS, ['webhooks', 'tail', 'support', '--all'], async (printed) => {
      await eventually(() => printed() !== '', 30_000);
      const before = printed().length;
      const sent = await waba('send', 'support', '--to', '16505550078', '--open', '--watch');
      const [, id = ''] = /^accepted (\S+)$/m.exec(sent) ?? [];
      await eventually(() => printed().slice(before).includes(id), 30_000).catch(() =>
        expect(printed().slice(before)).toContain(id),
      );
    });
  });

  it('restarts a role through the roll with kubectl waba restart', async () => {
    const before = await podsOf('shop');
    await cluster.waba(STACKS, 'restart', 'shop', '--role', 'coreapp');
    await cluster.ready(STACKS, 'shop');
    const isCoreapp = (pod: string) => pod.includes('-coreapp-');
    const after = await podsOf('shop');
    expect(after.filter((pod) => !isCoreapp(pod))).toEqual(before.filter((pod) => !isCoreapp(pod)));
    expect(after.filter(isCoreapp)).not.toEqual(before.filter(isCoreapp));
  });

  it('continues when the connected Coreapp is killed: the standby takes over', async () => {
    const ownersOf = async () =>
      Object.values((await cluster.stack(STACKS, 'support')).status?.shards?.owners ?? {});
    const [owner = ''] = await eventually(async () => {
      const owners = await ownersOf();
      return owners.length === 1 ? owners : undefined;
    });
    await cluster.kubectl('-n', STACKS, 'delete', 'pod', owner, '--force', '--grace-period=0');
    const webhooks: string[] = [];
    const id = await send(await cluster.stack(STACKS, 'support'), webhooks);
    expect(webhooks.sort()).toEqual(expectedWebhooks(id).sort());
    const [next] = await eventually(async () => {
      const owners = await ownersOf();
      return owners.length === 1 && owners[0] !== owner ? owners : undefined;
    }, 60_000);
    expect(next).toMatch(/^support-coreapp-/);
    await cluster.ready(STACKS, 'support');
  });

  it('lets into each role who must get in, and nobody else where the cluster enforces NetworkPolicies', async () => {
    const limit = (networkPolicy: object | null) => {
      const patch = JSON.stringify({ spec: { networkPolicy } });
      return cluster.kubectl('-n', STACKS, 'patch', 'wad', 'support', '--type=merge', '-p', patch);
    };
    const podNamed = async (component: string) => {
      const labelSelector = `app.kubernetes.io/instance=support,app.kubernetes.io/component=${component}`;
      const { items } = await cluster.client.list<KubeObject & { status?: { podIP?: string } }>(
        kinds.Pod,
        { namespace: STACKS, labelSelector },
        never,
      );
      return { name: items[0]?.metadata.name ?? '', address: items[0]?.status?.podIP ?? '' };
    };
    await cluster.apply(DATABASES, [probePod()]);
    await cluster.apply(STACKS, [probePod()]);
    for (const namespace of [DATABASES, STACKS])
      await cluster.kubectl('-n', namespace, 'wait', 'pod/probe', '--for=condition=Ready', '--timeout=60s');
    const [webapp, coreapp, database] = await Promise.all(['webapp', 'coreapp', 'database'].map(podNamed));
    const targets = {
      'webapp:443': `${webapp?.address} 443`,
      'coreapp:6250': `${coreapp?.address} 6250`,
      'database:5432': `${database?.address} 5432`,
    };
    const sources = {
      'pod of another namespace': ['-n', DATABASES, 'probe'],
      'pod of the namespace': ['-n', STACKS, 'probe'],
      'Webapp of the stack': ['-n', STACKS, webapp?.name ?? ''],
    };
    const reaches = async (source: readonly string[], target: string) => {
      const [host, port] = target.split(' ');
      const program = `const s=require('net').connect(${port},'${host}');s.on('connect',()=>process.exit(0));s.on('error',()=>process.exit(1));setTimeout(()=>process.exit(1),3000)`;
      return cluster.kubectl('exec', ...source, '--', '/nodejs/bin/node', '-e', program).then(
        () => 'yes',
        () => 'no',
      );
    };
    const table = async () => {
      const rows: string[] = [];
      for (const [from, source] of Object.entries(sources))
        for (const [to, target] of Object.entries(targets))
          rows.push(`${from} -> ${to}: ${await reaches(source, target)}`);
      return rows;
    };
    const isEnforced = await enforcesPolicies(() =>
      reaches(sources['pod of another namespace'], targets['webapp:443']),
    );
    if (!isEnforced) {
      const unproven = 'this cluster enforces no NetworkPolicy, so nobody is kept out of any role';
      if (cluster.isOurs)
        throw new Error(
          `${unproven}; kind 0.24 and later does, unless its node image has another network plugin: then set WABA_E2E_POLICY_IMAGE to an image of kube-router (scripts/baseImages.mjs builds one)`,
        );
      // Loud, because half of this test then proves nothing.
      process.stderr.write(`NOT PROVEN: ${unproven}\n`);
    }
    const rowsWith = (outside: string, inside: string) => [
      `pod of another namespace -> webapp:443: ${outside}`,
      'pod of another namespace -> coreapp:6250: no',
      'pod of another namespace -> database:5432: no',
      `pod of the namespace -> webapp:443: ${inside}`,
      'pod of the namespace -> coreapp:6250: no',
      'pod of the namespace -> database:5432: no',
      'Webapp of the stack -> webapp:443: yes',
      'Webapp of the stack -> coreapp:6250: yes',
      'Webapp of the stack -> database:5432: yes',
    ];
    const becomes = (enforced: readonly string[]) => {
      const rows = isEnforced ? enforced : enforced.map((row) => row.replace(/no$/, 'yes'));
      return eventually(async () => JSON.stringify(await table()) === JSON.stringify(rows), 90_000).catch(
        async () => expect(await table()).toEqual(rows),
      );
    };
    await becomes(rowsWith('yes', 'yes'));
    const clients = { key: 'app', operator: 'In', values: ['probe', 'quickstart-demo'] };
    await limit({ allowFrom: [{ podSelector: { matchExpressions: [clients] } }], egress: [] });
    await becomes(rowsWith('no', 'yes'));
    // The operator still gets in, and the stack still reaches its receiver and its network.
    await cluster.ready(STACKS, 'support');
    const webhooks: string[] = [];
    const id = await send(await cluster.stack(STACKS, 'support'), webhooks);
    expect(webhooks.sort()).toEqual(expectedWebhooks(id).sort());
    await limit({ enabled: false, allowFrom: null, egress: null });
    await becomes(rowsWith('yes', 'yes').map((row) => row.replace(/no$/, 'yes')));
    await limit(null);
    await cluster.ready(STACKS, 'support');
    for (const namespace of [DATABASES, STACKS])
      await cluster.kubectl('-n', namespace, 'delete', 'pod', 'probe', '--force', '--grace-period=0');
  });

  it('lets clients in through a Gateway by host name, and only to /v1', async () => {
    const name = 'api.support.example';
    const patch = (spec: object) =>
      cluster.kubectl(
        '-n',
        STACKS,
        'patch',
        'wad',
        'support',
        '--type=merge',
        '-p',
        JSON.stringify({ spec }),
      );
    const parent = { name: GATEWAY.name, namespace: GATEWAYS, sectionName: 'https' };
    const exposed = (status: string, reason: string) =>
      eventually(async () => {
        const { status: told } = await cluster.stack(STACKS, 'support');
        const condition = told?.conditions?.find(({ type }) => type === 'Exposed');
        return condition?.status === status && condition.reason === reason && condition;
      }, 90_000);
    // The kinds come after the field: the operator says what is missing, and goes on by itself.
    await patch({ exposure: { httpRoute: { parents: [parent], hostnames: [name] } } });
    await exposed('False', 'KindMissing');
    const kinds = await Promise.all(
      ['crds', 'gateways'].map((file) => readFile(`test/gateway-api/${file}.yaml`, 'utf8')),
    );
    await cluster.apply(
      'default',
      kinds.flatMap((text) => loadAll(text) as object[]),
    );
    await cluster.kubectl('wait', 'crd', '--all', '--for=condition=Established', '--timeout=60s');
    const authority = await createAuthority({ subject: 'CN=e2e gateway' });
    const hosts = [name, 'api.other.example'];
    const certificate = await issueCertificate(authority, { commonName: name, hosts, usage: 'server' });
    await cluster.apply(GATEWAYS, traefikGateway(GATEWAY_IMAGE, GATEWAYS, certificate));
    await cluster.kubectl('-n', GATEWAYS, 'rollout', 'status', `deploy/${GATEWAY.name}`, '--timeout=120s');
    await exposed('True', 'Accepted');
    // In the words of the Gateway, which tells its mind about each by itself.
    const conditionsOf = async (kind: string, list: string) => {
      const path = `{range .status.${list}[*].conditions[*]}{.type}={.status} {end}`;
      const printed = await cluster.kubectl('-n', STACKS, 'get', kind, 'support', '-o', `jsonpath=${path}`);
      return printed.trim().split(' ').sort().join(' ');
    };
    for (const [kind, list] of [
      ['httproute', 'parents'],
      ['backendtlspolicy', 'ancestors'],
    ] as const)
      await eventually(
        async () => (await conditionsOf(kind, list)) === 'Accepted=True ResolvedRefs=True',
      ).catch(async () =>
        expect(await conditionsOf(kind, list), kind).toBe('Accepted=True ResolvedRefs=True'),
      );

    // Policies that name nobody else still let the Gateway in.
    await patch({ networkPolicy: { allowFrom: [{ podSelector: { matchLabels: { app: 'nobody' } } }] } });
    await cluster.ready(STACKS, 'support');
    const reached = await cluster.reach(GATEWAYS, GATEWAY);
    const target = { port: reached.port, name, ca: authority.certificatePem };
    const authorization = `Bearer ${(await cluster.waba(STACKS, 'login', 'support')).trim()}`;
    const call = (path: string, as = target) => callByName(as, { path, authorization });
    try {
      const { status, body } = await call('/v1/health');
      expect([status, JSON.parse(body)]).toMatchObject([200, { health: expect.anything() }]);
      expect((await callByName(target, { path: '/v1/health' })).status).toBe(401);
      const nobody = { status: 404, body: expect.stringContaining('404 page not found') };
      for (const path of ['/metrics', '/v1/../metrics', '//metrics', '/numbers', '/'])
        expect(await call(path), path).toEqual(nobody);
      expect(await call('/v1/health', { ...target, name: 'api.other.example' })).toEqual(nobody);

      await patch({ exposure: null, networkPolicy: null });
      const left = () =>
        cluster.names(
          '-n',
          STACKS,
          'httproute,backendtlspolicy,cm',
          '-l',
          'app.kubernetes.io/instance=support',
        );
      await eventually(async () => (await left()).length === 0, 60_000).catch(async () =>
        expect(await left()).toEqual([]),
      );
      await eventually(async () => (await call('/v1/health')).status === 404, 30_000);
    } finally {
      reached.close();
    }
    await cluster.ready(STACKS, 'support');
  });

  it('includes an existing PostgreSQL server', async () => {
    await cluster.apply(DATABASES, externalPostgres());
    // This server has no certificate.
    const inTheClear = (await cluster.example('external-postgres')).map((object) => {
      const { database } = (object.spec ?? {}) as { database?: { external: object } };
      if (!database) return object;
      const external = { ...database.external, tls: { mode: 'Disable' } };
      return { ...object, spec: { ...(object.spec as object), database: { external } } };
    });
    await cluster.apply(STACKS, inTheClear);
    await cluster.ready(STACKS, 'sales');
    // Nothing of a managed one; the Job is the check of this server.
    const ofDatabase = (await leftOf('sales')).filter((name) => /\/sales-database(?!-check-)/.test(name));
    expect(ofDatabase).toEqual([]);
    await cluster.kubectl('-n', STACKS, 'delete', 'wad', 'sales', '--timeout=60s');
  });

  it('includes encrypted backups, which go with their objects when that is wanted', async () => {
    const claim = {
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: { name: 'vault' },
      spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
    };
    const key = {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'vault-key' },
      stringData: { passphrase: 'correct horse battery staple' },
    };
    const backup = (name: string) => ({
      apiVersion: 'waba-operator.dev/v1alpha1',
      kind: 'WhatsAppBackup',
      metadata: { name },
      spec: {
        deployment: 'shop',
        destination: { claim: { name: 'vault' } },
        encryptionSecretRef: { name: 'vault-key' },
        deletionPolicy: 'Delete',
      },
    });
    await cluster.apply(STACKS, [claim, key, backup('first'), backup('second')]);
    for (const name of ['first', 'second'])
      await cluster.kubectl(
        ...['-n', STACKS, 'wait', `wabk/${name}`, '--for=condition=Complete', '--timeout=180s'],
      );
    progress.note(await cluster.kubectl('-n', STACKS, 'get', 'wabk'));
    // The Jobs that remove what is stored run before the objects go.
    await cluster.kubectl('-n', STACKS, 'delete', 'wabk', 'first', 'second', '--timeout=120s');
    await cluster.kubectl('-n', STACKS, 'delete', 'pvc/vault', 'secret/vault-key', '--timeout=60s');
  });

  it('includes a managed MariaDB, with TLS', async () => {
    const { WABA_E2E_MARIADB_IMAGE: image } = process.env;
    const spec = {
      phoneNumber: '+16315558310',
      topology: 'Single',
      deletionPolicy: 'Delete',
      database: { managed: { engine: 'MariaDB', storage: { size: '1Gi' } } },
      ...(image ? { images: { database: image } } : {}),
    };
    const { apiVersion, kind } = WhatsAppDeploymentKind;
    await cluster.apply(STACKS, [{ apiVersion, kind, metadata: { name: 'maria' }, spec }]);
    const { status } = await cluster.ready(STACKS, 'maria');
    expect(status?.database).toMatchObject({ engine: 'MariaDB', ready: true });
    const printed = await cluster.waba(STACKS, 'mysql', 'maria', '--', '-N', '-e', "SELECT 'from the pod'");
    expect(printed.trim()).toBe('from the pod');
    await cluster.kubectl('-n', STACKS, 'delete', 'wad', 'maria', '--timeout=120s');
    await eventually(async () => (await leftOf('maria')).length === 0, 90_000);
  });

  it('survives a chart upgrade: every resource is kept, and no pod of a stack restarts', async () => {
    await cluster.apply(DATABASES, collectorPod(imageName('operator', VERSION)));
    const before = [await podsOf('shop'), await podsOf('support')];
    const pod = await cluster.names('-n', OPERATOR, 'pods');
    await cluster.helm(
      ...['upgrade', RELEASE, CHART, '-n', OPERATOR, '--wait'],
      ...chartValues(
        'log.level=debug',
        'crds.keep=false',
        'maxRollingStacks=5',
        `tracing.endpoint=${COLLECTOR_URL}`,
      ),
    );
    expect(await cluster.names('-n', OPERATOR, 'pods')).not.toEqual(pod);
    await cluster.kubectl('-n', OPERATOR, 'rollout', 'status', `deploy/${RELEASE}`, '--timeout=60s');
    // Time in which the new operator could restart pods.
    await new Promise((resolve) => setTimeout(resolve, 15_000));
    for (const name of ['shop', 'support']) await cluster.ready(STACKS, name);
    expect([await podsOf('shop'), await podsOf('support')]).toEqual(before);
  });

  it('tells a collector in traces of the calls that the operator makes to a stack', async () => {
    const spans = await seenSpans((all) => all.some(({ name }) => name === 'GET /v1/health'));
    const call = spans.find(({ name }) => name === 'GET /v1/health');
    const step = spans.find(({ spanId }) => spanId === call?.parentSpanId);
    const reconcile = spans.find(({ spanId }) => spanId === step?.parentSpanId);
    expect([call?.service, step?.name, reconcile?.name]).toEqual([
      'waba-operator',
      'step ApiReachable',
      'reconcile application',
    ]);
    expect(call?.attributes).toMatchObject({
      'http.request.method': 'GET',
      'url.template': '/v1/health',
      'http.response.status_code': 200,
    });
  });

  it('resumes after a deletion with Retain, with the same data and registration', async () => {
    const [example] = await cluster.example('high-availability');
    await cluster.kubectl('-n', STACKS, 'delete', 'wad', 'support', '--timeout=60s');
    await eventually(async () => (await podsOf('support')).length === 0, 90_000);
    const kept = await leftOf('support');
    expect(kept).toContain('persistentvolumeclaim/support-database');
    expect(kept).toContain('secret/support-journal');
    const emulator = { tracing: { endpoint: COLLECTOR_URL } };
    await cluster.apply(STACKS, [{ ...example, spec: { ...(example?.spec as object), emulator } }]);
    await cluster.ready(STACKS, 'support');
    expect(await numberOf('16315551001')).toMatchObject({ registrations: 1, codeRequests: 1 });
  });

  it('tells the collector of the whole life of a message in one trace', async () => {
    await cluster.waba(STACKS, 'send', 'support', '--to', '16505550079', '--open', '--watch');
    const told = [
      'POST /v1/messages',
      'coreapp store message',
      'coreapp send message',
      'network take message',
      'network report status',
      'coreapp store status',
    ];
    const traceOf = (spans: readonly ReceivedSpan[]) => {
      const call = spans.find(({ name }) => name === told[0]);
      const ofMessage = spans.filter(({ traceId }) => traceId === call?.traceId);
      return [...new Set(ofMessage.map(({ name }) => name))];
    };
    const spans = await seenSpans((all) => told.every((name) => traceOf(all).includes(name)));
    expect(traceOf(spans)).toEqual(expect.arrayContaining(told));
    // The calls of the operator go on in the Webapp.
    const health = spans.filter(({ name }) => name === 'GET /v1/health');
    const byOperator = new Set(
      health.filter(({ service }) => service === 'waba-operator').map(({ spanId }) => spanId),
    );
    expect(health.some(({ parentSpanId }) => byOperator.has(parentSpanId ?? ''))).toBe(true);
    expect(JSON.stringify(spans)).not.toMatch(/16505550079|16315551001/);
  });

  it('ends with deletionPolicy Delete and helm uninstall, and nothing is left', async () => {
    const patch = JSON.stringify({ spec: { deletionPolicy: 'Delete' } });
    for (const name of ['shop', 'support']) {
      await cluster.kubectl('-n', STACKS, 'patch', 'wad', name, '--type=merge', '-p', patch);
      await eventually(async () => (await cluster.stack(STACKS, name)).metadata.finalizers.length > 0);
      await cluster.kubectl('-n', STACKS, 'delete', 'wad', name, '--timeout=120s');
      await eventually(async () => (await leftOf(name)).length === 0, 90_000).catch(async () =>
        expect(await leftOf(name), name).toEqual([]),
      );
    }
    // The stack on the external database retained its Secrets and its media.
    await cluster.kubectl('-n', STACKS, 'delete', 'secret', 'sales-database');
    await cluster.kubectl(
      ...['-n', STACKS, 'delete', 'secret,pvc', '-l', 'app.kubernetes.io/instance in (sales,waba-network)'],
    );
    expect(await eventually(async () => (await cluster.names('-n', STACKS, 'leases')).length === 0)).toBe(
      true,
    );

    await cluster.helm('uninstall', RELEASE, '-n', OPERATOR, '--wait');
    const namespaced = 'pod,deploy,rs,svc,sa,role,rolebinding,lease,networkpolicy,pdb,secret,cm';
    for (const namespace of [OPERATOR, STACKS]) {
      const left = await eventually(async () => {
        const names = await cluster.names('-n', namespace, namespaced);
        const others = names.filter((name) => !OURS_ALONE.test(name));
        return others.length === 0 && ['nothing'];
      }, 60_000).catch(async () => cluster.names('-n', namespace, namespaced));
      expect(left).toEqual(['nothing']);
    }
    const clusterWide = await cluster.names('clusterrole,clusterrolebinding,crd');
    expect(clusterWide.filter((name) => name.includes('waba'))).toEqual([]);
    await cluster.kubectl('delete', 'namespace', OPERATOR, STACKS, DATABASES, GATEWAYS, '--timeout=120s');
  });
});

/** What the collector has got, once it holds what is looked for. */
async function seenSpans(isThere: (spans: readonly ReceivedSpan[]) => boolean): Promise<ReceivedSpan[]> {
  const reached = await cluster.reach(DATABASES, COLLECTOR);
  let last: ReceivedSpan[] = [];
  try {
    return await eventually(async () => {
      const answer = await fetch(`http://${reached.host}:${reached.port}/`);
      last = ((await answer.json()) as string[]).flatMap(receivedSpans);
      return isThere(last) ? last : undefined;
    }, 60_000).catch((cause: unknown) => {
      const names = new Set(last.map(({ service, name }) => `${service}: ${name}`));
      throw new Error(`the collector has got ${[...names].join(', ') || 'nothing'}`, { cause });
    });
  } finally {
    reached.close();
  }
}

/** How long each container took to become ready, in whole seconds and including the probe period. */
async function startTimes(namespace: string): Promise<string> {
  interface Pod extends KubeObject {
    status: {
      conditions: { type: string; status: string; lastTransitionTime: string }[];
      containerStatuses: { state: { running?: { startedAt: string } } }[];
    };
  }
  const { items } = await cluster.client.list<Pod>(kinds.Pod, { namespace }, never);
  const times = items.flatMap(({ metadata, status }) => {
    const ready = status.conditions.find(({ type, status: value }) => type === 'Ready' && value === 'True');
    const startedAt = status.containerStatuses[0]?.state.running?.startedAt;
    if (!ready || !startedAt) return [];
    return [`${metadata.name} ${(Date.parse(ready.lastTransitionTime) - Date.parse(startedAt)) / 1000} s`];
  });
  return `from start to ready: ${times.join(', ')}`;
}

const docker = (...args: string[]) => runProgram('docker', args, {}, never);
/** Whether a NetworkPolicy that lets nothing out of the probe keeps it from what it reaches without. */
async function enforcesPolicies(reaches: () => Promise<string>): Promise<boolean> {
  const policy: KubeObject = {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name: 'nothing-gets-out', namespace: DATABASES },
    spec: { podSelector: { matchLabels: { app: 'probe' } }, policyTypes: ['Egress'] },
  } as KubeObject;
  await eventually(async () => (await reaches()) === 'yes', 60_000);
  await cluster.apply(DATABASES, [policy]);
  const isKept = await eventually(async () => (await reaches()) === 'no', 15_000).catch(() => false);
  await cluster.kubectl('-n', DATABASES, 'delete', 'networkpolicy', policy.metadata.name);
  return Boolean(isKept);
}

/** A pod that belongs to nobody, with Node to connect from. */
function probePod(): object {
  const { pod, container } = restricted();
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'probe', labels: { app: 'probe' } },
    spec: {
      securityContext: pod,
      automountServiceAccountToken: false,
      containers: [
        {
          name: 'probe',
          image: imageName('operator', VERSION),
          imagePullPolicy: 'IfNotPresent',
          command: ['/nodejs/bin/node', '-e', 'setInterval(() => {}, 1000)'],
          securityContext: container,
        },
      ],
    },
  };
}

const UNWANTED = /\/(sh|bash|dash|busybox|apt|apt-get|dpkg|apk|npm|npx|corepack|yarn|postgres|mysqld|psql)$/;

/** Objects that Kubernetes creates in every namespace, and objects of this test. */
const OURS_ALONE = /\/(default|kube-root-ca\.crt|webhook-receiver.*|.*-demo-.*)$/;

const externalPostgres = () => {
  const labels = { app: 'postgres' };
  const container = {
    name: 'postgres',
    image: process.env.WABA_E2E_DATABASE_IMAGE ?? 'docker.io/library/postgres:18',
    args: ['-c', 'max_connections=300'],
    env: [
      { name: 'POSTGRES_USER', value: 'waba' },
      { name: 'POSTGRES_PASSWORD', value: 'change-me' },
      { name: 'PGDATA', value: '/data/pgdata' },
    ],
    ports: [{ containerPort: 5432 }],
    readinessProbe: { tcpSocket: { port: 5432 }, periodSeconds: 2 },
    volumeMounts: ['/data', '/tmp', '/var/run/postgresql'].map((mountPath) => ({
      name: 'scratch',
      mountPath,
      subPath: mountPath.slice(1).replaceAll('/', '-'),
    })),
    securityContext: restricted().container,
  };
  const pod = {
    securityContext: { ...restricted(999).pod, sysctls: [] },
    containers: [container],
    volumes: [{ name: 'scratch', emptyDir: {} }],
  };
  return [
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'postgres' },
      spec: { selector: { matchLabels: labels }, template: { metadata: { labels }, spec: pod } },
    },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'postgres' },
      spec: { selector: labels, ports: [{ port: 5432 }] },
    },
  ];
};
