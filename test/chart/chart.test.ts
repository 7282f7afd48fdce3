import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { load, loadAll } from 'js-yaml';
import { describe, expect, it } from 'vitest';
import type { KubeObject } from '../../src/engine/kube/kubeObject.ts';

const CHART = 'charts/waba-operator';
const run = promisify(execFile);
const helm = async (...args: string[]) => (await run('helm', args, { maxBuffer: 16 * 1024 * 1024 })).stdout;
const template = (...flags: string[]) =>
  helm(
    'template',
    'waba-operator',
    CHART,
    '-n',
    'waba-operator-system',
    '--set',
    'crds.enabled=false',
    ...flags,
  );
const objects = async (...flags: string[]) =>
  (loadAll(await template(...flags)) as (KubeObject | null)[]).filter((object) => object !== null);
const refusal = async (...flags: string[]): Promise<string> => {
  const error = await template(...flags).catch((failure: unknown) => failure as { stderr: string });
  return typeof error === 'string' ? 'not refused' : error.stderr;
};

/** Helm flags for each way to install the chart. The keys are the names of the golden files. */
const WAYS: Record<string, string[]> = {
  defaults: [],
  'one-namespace': ['--set', 'watch.scope=Namespaces'],
  'listed-namespaces': ['--set', 'watch.scope=Namespaces,watch.namespaces={shop,support}'],
  'all-with-enabled': ['--set', 'watch.namespaces={shop}'],
  everything: [
    ...['--set', 'replicas=3,image.digest=sha256:abc,runAsUser=null,priorityClassName=high,log.level=debug'],
    ...['--set', 'sharding.shards=3'],
    ...['--set', 'imagePullSecrets[0].name=pull,env[0].name=HTTPS_PROXY,env[0].value=http://proxy:3128'],
    ...['--set', 'labels.team=messaging,podLabels.a=b,podAnnotations.c=d,nodeSelector.disk=ssd'],
    ...[
      '--set',
      'tolerations[0].key=dedicated,tolerations[0].operator=Exists,serviceAccount.annotations.x=y',
    ],
    ...['--set', 'metrics.serviceMonitor.enabled=true,metrics.serviceMonitor.labels.release=prometheus'],
    ...['--set', 'databaseOperators.cloudNativePG=true,databaseOperators.mysqlOperator=true'],
    ...['--set', 'databaseOperators.mariadbOperator=true'],
    ...['--set', 'networkPolicy.scrapeFrom[0].namespaceSelector.matchLabels.name=monitoring'],
    ...['--set', 'networkPolicy.egress[0].ports[0].port=443'],
  ],
};

/** Wrong values, and a part of Helm's error message. */
const WRONG: [string, string][] = [
  ['replica=2', "additional properties 'replica' not allowed"],
  ['replicas=-1', "at '/replicas'"],
  ['replicas=two', "at '/replicas': got string, want integer"],
  ['sharding.shards=65', "at '/sharding/shards'"],
  ['watch.scope=Cluster', "at '/watch/scope': value must be one of 'All', 'Namespaces'"],
  ['watch.namespaces=shop', "at '/watch/namespaces': got string, want array"],
  ['log.level=trace', "at '/log/level': value must be one of 'error', 'warn', 'info', 'debug'"],
  ['image.name=x', "at '/image': additional properties 'name' not allowed"],
  ['crds.keep=maybe', "at '/crds/keep': got string, want boolean"],
  ['runAsUser=0', "at '/runAsUser'"],
  ['metrics.serviceMonitor.enabled=true,metrics.service.enabled=false', 'set metrics.service.enabled=true'],
];

describe('the chart', () => {
  it('passes the strict lint of Helm', async () => {
    expect(await helm('lint', '--strict', CHART)).toContain('0 chart(s) failed');
  });

  it.each(Object.entries(WAYS))('renders %s as in the golden file', async (name, flags) => {
    await expect(await template(...flags)).toMatchFileSnapshot(`goldens/${name}.yaml`);
  });

  it.each(WRONG)('refuses %s before anything is installed', async (values, message) => {
    expect(await refusal('--set', values)).toContain(message);
  });

  it('creates no ClusterRole for listed namespaces, and grants no Secret and no change cluster-wide', async () => {
    const listed = await objects('--set', 'watch.scope=Namespaces,watch.namespaces={shop}');
    expect(listed.filter(({ kind }) => kind.startsWith('Cluster'))).toEqual([]);
    const all = await objects('--set', 'watch.namespaces={shop}');
    const bound = all
      .filter(({ kind }) => kind === 'ClusterRoleBinding')
      .map(({ roleRef }) => (roleRef as { name: string }).name);
    const rules = all
      .filter(({ kind, metadata }) => kind === 'ClusterRole' && bound.includes(metadata.name))
      .flatMap((role) => role.rules as { resources: string[]; verbs: string[] }[]);
    expect(rules.length).toBeGreaterThan(5);
    expect(rules.flatMap(({ resources }) => resources)).not.toContain('secrets');
    expect(rules.flatMap(({ resources }) => resources)).not.toContain('*');
    const changing = rules.filter(({ verbs }) =>
      verbs.some((verb) => !['get', 'list', 'watch'].includes(verb)),
    );
    expect(changing).toMatchObject([
      {
        resources: ['whatsappdeployments/status', 'whatsappbackups/status', 'whatsappfleets/status'],
        verbs: ['patch'],
      },
    ]);
  });

  it('keeps the CRDs and with them every resource, unless crds.keep is false', async () => {
    const crds = async (...flags: string[]) =>
      (loadAll(await helm('template', 'x', CHART, ...flags)) as (KubeObject | null)[]).flatMap((object) =>
        object?.kind === 'CustomResourceDefinition' ? [object] : [],
      );
    const marks = (objects: readonly KubeObject[]) =>
      objects.map(({ metadata }) => metadata.annotations ?? {});
    const keep = { 'helm.sh/resource-policy': 'keep' };
    const kept = await crds();
    expect(marks(kept)).toEqual([keep, keep, keep]);
    expect(marks(await crds('--set', 'crds.keep=false'))).toEqual([{}, {}, {}]);
    expect(await crds('--set', 'crds.enabled=false')).toEqual([]);
    const plain = readdirSync('crds').map((file) => load(readFileSync(`crds/${file}`, 'utf8')) as KubeObject);
    expect(new Map(kept.map(({ metadata, spec }) => [metadata.name, spec]))).toEqual(
      new Map(plain.map(({ metadata, spec }) => [metadata.name, spec])),
    );
  });

  it('installs the alert rules and the dashboards with the configured labels', async () => {
    const installed = await objects(
      '--set',
      'metrics.alerts.enabled=true,metrics.alerts.labels.release=prometheus,metrics.dashboards.enabled=true',
    );
    const [rules] = installed.filter(({ kind }) => kind === 'PrometheusRule') as unknown as {
      metadata: { labels: object };
      spec: { groups: { rules: { alert: string }[] }[] };
    }[];
    expect(rules?.metadata.labels).toMatchObject({ release: 'prometheus' });
    expect(rules?.spec.groups.flatMap((group) => group.rules.map(({ alert }) => `${alert}.yaml`))).toEqual(
      readdirSync('dashboards/alerts').filter((name) => name.endsWith('.yaml')),
    );
    const dashboards = installed.filter(({ metadata }) => metadata.labels?.grafana_dashboard === '1');
    const names = readdirSync('dashboards').flatMap((file) => /^(.+)\.json$/.exec(file)?.[1] ?? []);
    for (const name of names) {
      const map = dashboards.find(({ metadata }) => metadata.name.endsWith(`-${name}`)) as unknown as {
        data: Record<string, string>;
      };
      expect(map.data[`waba-${name}.json`]).toBe(readFileSync(`dashboards/${name}.json`, 'utf8'));
    }
    expect(dashboards).toHaveLength(names.length);
  });

  it('uses every value of values.yaml, and no other', () => {
    const templates = readdirSync(`${CHART}/templates`)
      .map((name) => readFileSync(`${CHART}/templates/${name}`, 'utf8'))
      .join('\n');
    const read = new Set([...templates.matchAll(/\.Values\.([A-Za-z.]+)/g)].map(([, path = '']) => path));
    const leaves = (value: unknown, path: string): string[] =>
      typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length > 0
        ? Object.entries(value).flatMap(([key, inner]) => leaves(inner, path ? `${path}.${key}` : key))
        : [path];
    const offered = leaves(load(readFileSync(`${CHART}/values.yaml`, 'utf8')), '');
    const isRead = (path: string) =>
      [...read].some((known) => path === known || path.startsWith(`${known}.`));
    const isOffered = (path: string) =>
      offered.some((known) => known === path || known.startsWith(`${path}.`));
    expect(offered.filter((path) => path !== 'global' && !isRead(path))).toEqual([]);
    expect([...read].filter((path) => !isOffered(path))).toEqual([]);
  });

  it('renders the committed deploy/install.yaml', async () => {
    const { renderInstallManifest } = (await import('../../scripts/installManifest.mjs')) as {
      renderInstallManifest: () => string;
    };
    expect(renderInstallManifest() === readFileSync('deploy/install.yaml', 'utf8')).toBe(true);
  });

  it('prints the next commands in its notes', async () => {
    const notes = async (...flags: string[]) =>
      helm('install', 'waba-operator', CHART, '-n', 'waba-operator-system', '--dry-run=client', ...flags);
    expect(await notes()).toContain('kubectl waba namespace enable NAMESPACE\n');
    const listed = await notes('--set', 'watch.scope=Namespaces,watch.namespaces={shop}');
    expect(listed).toContain('watches shop.');
    expect(listed).toContain('kubectl apply -n shop -f -');
  });
});

describe('the workflows', () => {
  it('pass their linter', async () => {
    for (const files of [[], ['examples/emulator/workflow.yml']])
      expect((await run('actionlint', ['-no-color', ...files])).stdout).toBe('');
  });
});
