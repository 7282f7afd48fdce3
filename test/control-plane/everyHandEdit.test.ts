import { readFile } from 'node:fs/promises';
import { loadAll } from 'js-yaml';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { seeded } from '../../src/base/seeded.ts';
import type { KubeClient } from '../../src/engine/kube/client.ts';
import { type Credentials, kubeconfigCredentials } from '../../src/engine/kube/credentials.ts';
import type { ManagedFields } from '../../src/engine/kube/fieldOwners.ts';
import { type KubeObject, kinds } from '../../src/engine/kube/kubeObject.ts';
import { generatedSecretsOf } from '../../src/operator/plan/facts/generatedSecrets.ts';
import type { SecretObject } from '../../src/operator/plan/facts/secrets.ts';
import { parseWhatsAppDeployment } from '../../src/operator/resource/whatsAppDeployment.ts';
import { CHILD_KINDS, OPTIONAL_KINDS } from '../../src/operator/state/stackSources.ts';
import {
  freshNamespace,
  installCrd,
  installDefinition,
  never,
  testClient,
  WhatsAppDeploymentKind,
} from '../support/cluster.ts';
import { type CountedOperator, playKubelet, startCountedOperator } from '../support/countedOperator.ts';
import { eventually } from '../support/eventually.ts';
import { type Edit, editsOf } from '../support/handEdits.ts';
import { certificateDefinition, podMonitorDefinition } from '../support/otherOperators.ts';
import { isOurs, makeEdit, undone, WAYS, type Way, writesTo } from '../support/repairs.ts';
import { seeCertificate } from '../support/seeCertificate.ts';

/** How many edits of the random share; `all` makes every edit in every way. */
const HAND_EDITS = process.env.HAND_EDITS ?? '200';
const SEED = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31));
const STACK = 'shop';
/** Edits of one object before the operator starts anew, because it reclaims a field only some times an hour. */
const ROUND = 8;
const MOST_WRITES = 3;
/** Edits of what each further stage adds. */
const FEW_EDITS = HAND_EDITS === 'all' ? 'all' : '10';
/** Lines of the operator's log that are shown with an edit that it did not undo. */
const LAST_LINES = 60;
/** Objects that are edited at the same time. */
const AT_ONCE = 6;
/** What a completed Job says it made: without it, the operator takes the Job for one of an earlier schema, and removes it. */
const NOTE = /^(remove|change) metadata\.annotations(\.waba-operator\.dev\/schema)?$/;
/** The operator does not apply these; they have tests of their own. */
const NOT_APPLIED: readonly string[] = ['Secret', 'Job'];
const KINDS = [...CHILD_KINDS.map((kind) => kinds[kind]), ...OPTIONAL_KINDS].filter(
  ({ kind }) => !NOT_APPLIED.includes(kind),
);
/** Changes of spec, one after the other, and the kinds that each of them adds. A stack has one way in at a time. */
const STAGES = [
  {
    spec: { exposure: { httpRoute: { parents: [{ name: 'public' }] } } },
    adds: ['ConfigMap', 'BackendTLSPolicy', 'HTTPRoute'],
  },
  {
    spec: {
      exposure: {
        httpRoute: null,
        tlsRoute: { parents: [{ name: 'public' }], hostnames: ['shop.example'] },
      },
    },
    adds: ['TLSRoute'],
  },
  { spec: { exposure: { tlsRoute: null, ingress: { hostnames: ['shop.example'] } } }, adds: ['Ingress'] },
  { spec: { nodes: { webapp: { autoscaling: { maxReplicas: 4 } } } }, adds: ['HorizontalPodAutoscaler'] },
];

let client: KubeClient;
let credentials: Credentials;
let namespace: string;
let operator: CountedOperator;
const kubelet = new AbortController();

beforeAll(async () => {
  client = await testClient();
  credentials = await kubeconfigCredentials(systemClock, { path: inject('kubeconfig') });
  await installCrd(client);
  const gateway = loadAll(await readFile('test/gateway-api/crds.yaml', 'utf8')) as KubeObject[];
  for (const definition of [podMonitorDefinition, certificateDefinition, ...gateway])
    await installDefinition(client, definition);
  namespace = await freshNamespace(client);
  operator = startCountedOperator(credentials, namespace);
  void playKubelet(client, namespace, kubelet.signal);
  const spec = {
    phoneNumber: '+16315550821',
    topology: 'HighAvailability',
    tls: { issuerRef: { name: 'ca', kind: 'Issuer' } },
    monitoring: { podMonitor: true },
  };
  const { apiVersion, kind } = WhatsAppDeploymentKind;
  const resource = { apiVersion, kind, metadata: { name: STACK, namespace }, spec };
  await client.create(resource, { fieldManager: 'test' }, never);
  await eventually(async () => (await statusOf('WorkloadsReady')) === 'True', 90_000);
  await seeCertificate(client, namespace, STACK);
});

afterAll(async () => {
  await operator.stop();
  kubelet.abort();
});

type Stored = KubeObject & { status?: { conditions?: { type: string; status: string; message: string }[] } };

async function conditions() {
  const { status } = await client.get<Stored>(WhatsAppDeploymentKind, namespace, STACK, never);
  return status?.conditions ?? [];
}
const statusOf = async (type: string) => (await conditions()).find((one) => one.type === type)?.status;

/** What the status says that is not True. */
const told = async () =>
  (await conditions())
    .filter(({ status }) => status !== 'True')
    .map(({ type, message }) => `${type}: ${message}`)
    .join('; ');

/** Everything that the operator applied for the stack. */
async function children(): Promise<KubeObject[]> {
  const lists = await Promise.all(KINDS.map((kind) => client.list<KubeObject>(kind, { namespace }, never)));
  return lists
    .flatMap(({ items }) => items)
    .filter(({ metadata }) => ((metadata.managedFields ?? []) as ManagedFields[]).some(isOurs));
}

interface Lane {
  readonly object: KubeObject;
  /** Not made yet. */
  readonly edits: { readonly edit: Edit; readonly way: Way }[];
}

/** The edits of each object in a random order. Those of one object follow one another, those of several do not wait. */
function lanesOf(objects: readonly KubeObject[], seed: number): Lane[] {
  const choose = seeded(seed);
  return objects.map((object) => ({
    object,
    edits: editsOf(object)
      .flatMap((edit) => (Object.keys(WAYS) as Way[]).map((way) => ({ edit, way, order: choose() })))
      .sort((a, b) => a.order - b.order),
  }));
}

const inGroups = <T>(items: readonly T[], size: number): T[][] =>
  Array.from({ length: Math.ceil(items.length / size) }, (_, index) =>
    items.slice(index * size, (index + 1) * size),
  );

// First, because an edit of a field that the operator leaves to others may hold a pod back for the API, which never answers here.
describe('every value of every generated Secret', () => {
  type Fate = 'back' | 'new' | 'named';
  /** What becomes of a value while the stack runs and its API has never answered. */
  const FATES: Readonly<Record<string, Fate>> = {
    'shop-database username': 'back',
    'shop-database password': 'back',
    'shop-database-certificate ca.crt': 'named',
    'shop-database-certificate tls.crt': 'named',
    'shop-database-certificate tls.key': 'named',
    'shop-admin username': 'back',
    'shop-admin password': 'new',
    'shop-keys jwtKey': 'named',
    'shop-keys secret': 'named',
    'shop-keys apiKey': 'named',
    'shop-registration certificate': 'new',
    'shop-registration code': 'new',
    'waba-network-control token': 'named',
  };
  const data = async (name: string) =>
    (await client.get<SecretObject>(kinds.Secret, namespace, name, never)).data ?? {};
  const write = (name: string, key: string, value: string | null | undefined) =>
    client.mergePatch(kinds.Secret, { namespace, name }, { data: { [key]: value } }, never);

  async function fateOf(name: string, key: string, before: string | undefined): Promise<Fate> {
    return eventually(async () => {
      const now = (await data(name))[key];
      if (now) return now === before ? 'back' : 'new';
      return (await told()).includes(`key ${key} of Secret ${name} is missing or blank`)
        ? 'named'
        : undefined;
    }, 30_000);
  }

  it('comes back after somebody removes or empties it, or the status names it and the stack goes on when it is back', async () => {
    const parsed = parseWhatsAppDeployment(await client.get(WhatsAppDeploymentKind, namespace, STACK, never));
    if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
    const values = generatedSecretsOf(parsed.resource).flatMap(({ name, keys }) =>
      keys.map((key) => ({ name, key })),
    );
    const wrong: string[] = [];
    for (const { name, key } of values)
      for (const edit of [null, '']) {
        const what = `${name} ${key}`;
        const before = await data(name);
        await write(name, key, edit);
        const fate = await fateOf(name, key, before[key]).catch((error: unknown) => String(error));
        if (fate !== FATES[what])
          wrong.push(`${what} by ${JSON.stringify(edit)}: ${fate}; told: ${await told()}`);
        if (fate === 'named') await write(name, key, before[key]);
        await eventually(
          async () => !(await told()).includes(`of Secret ${name} is missing or blank, and`),
          30_000,
        );
      }
    expect(wrong).toEqual([]);
    expect(values.map(({ name, key }) => `${name} ${key}`).sort()).toEqual(Object.keys(FATES).sort());
    await eventually(async () => (await statusOf('WorkloadsReady')) === 'True', 60_000);
  }, 300_000);
});

describe('every field of every child', () => {
  it(`is repaired within three writes after ${HAND_EDITS} edits by hand (SEED=${SEED})`, async () => {
    process.stderr.write(`hand edits: SEED=${SEED} HAND_EDITS=${HAND_EDITS}\n`);
    const seen = new Set<string>();
    for (const { spec, adds } of STAGES) {
      const target = { namespace, name: STACK };
      await client.mergePatch(WhatsAppDeploymentKind, target, { spec }, never);
      const all = await eventually(async () => {
        const objects = await children();
        return adds.every((kind) => objects.some((object) => object.kind === kind)) ? objects : undefined;
      }, 30_000);
      const objects = all.filter(({ kind }) => !seen.has(kind));
      for (const { kind } of objects) seen.add(kind);
      await editAll(objects, seen.size > objects.length ? FEW_EDITS : HAND_EDITS);
    }
    expect([...seen].sort()).toEqual(KINDS.map(({ kind }) => kind).sort());
  }, 7_200_000);

  async function editAll(objects: readonly KubeObject[], share: string): Promise<void> {
    const lanes = lanesOf(objects, SEED);
    const total = lanes.reduce((sum, { edits }) => sum + edits.length, 0);
    const most = share === 'all' ? total : Number(share);
    const broken: string[] = [];
    let made = 0;
    const runRound = async ({ object, edits }: Lane) => {
      for (let round = 0; round < ROUND && made < most; ) {
        const next = edits.pop();
        if (!next) return;
        const { edit, way } = next;
        const what = `${edit.name} of ${object.kind} ${object.metadata.name} by ${way}`;
        try {
          const writes = await undone(client, operator, object, edit, way);
          if (writes === undefined) continue;
          round += 1;
          made += 1;
          if (writes > MOST_WRITES) broken.push(`${what}: ${writes} writes`);
        } catch (error) {
          const log = operator.log.slice(-LAST_LINES).join('\n');
          process.stderr.write(
            `${new Date().toISOString()} ${what}: ${String(error)}; the operator:\n${log}\n`,
          );
          broken.push(`${what}: ${String(error).slice(0, 600)}; told: ${await told()}`);
          return;
        }
      }
    };
    while (made < most && broken.length <= 10 && lanes.some(({ edits }) => edits.length > 0)) {
      for (const some of inGroups(lanes, AT_ONCE)) await Promise.all(some.map(runRound));
      await operator.stop();
      operator = startCountedOperator(credentials, namespace);
    }
    process.stderr.write(
      `${made} edits were undone; of ${total}, the API server refused the rest, or they change nothing\n`,
    );
    expect(broken).toEqual([]);
    expect(made).toBeGreaterThan(Math.min(most, total / 4) - 1);
  }
});

describe('the schema Job that completed', () => {
  const jobs = async () => (await client.list<KubeObject>(kinds.Job, { namespace }, never)).items;

  it('is left as somebody edited it, and does not run again', async () => {
    const items = await jobs();
    expect(items).toHaveLength(1);
    const since = operator.writes.length;
    const [job] = items as [KubeObject];
    let made = 0;
    for (const { edits, object } of lanesOf([job], SEED))
      for (const { edit, way } of edits)
        if (!NOTE.test(edit.name) && (await makeEdit(client, object, edit, way))) made += 1;
    expect(made).toBeGreaterThan(20);
    // Another change shows that the operator has looked again.
    await client.mergePatch(
      WhatsAppDeploymentKind,
      { namespace, name: STACK },
      { spec: { service: { annotations: { looked: 'again' } } } },
      never,
    );
    await eventually(async () => {
      const { metadata } = await client.get(kinds.Service, namespace, `${STACK}-webapp`, never);
      return metadata.annotations?.looked === 'again';
    });
    expect(writesTo(job, operator, since)).toEqual([]);
    expect(await jobs()).toHaveLength(1);
    expect(await statusOf('SchemaReady')).toBe('True');
  });
});
