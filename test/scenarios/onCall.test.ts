import { execFile } from 'node:child_process';
import { appendFile, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { freePort } from '../../src/base/ports.ts';
import { type PostgresServer, startPostgres } from '../../src/base/postgres/embeddedPostgres.ts';
import { type KubeObject, kinds } from '../../src/engine/kube/kubeObject.ts';
import { WhatsAppDeploymentKind } from '../../src/operator/state/stackSources.ts';
import {
  type Breakage,
  crashingImage,
  databaseBreakages,
  nodeBreakages,
  otherBreakages,
  PASSWORD,
  type Surroundings,
} from '../support/breakages.ts';
import { eventually } from '../support/eventually.ts';
import { OperatorCluster } from '../support/operatorCluster.ts';

/**
 * What a person on call reads. Every stack here is broken in another way; the tests read only `kubectl get`, conditions
 * and events. With WABA_ON_CALL_REPORT, the file of that name gets what each said: docs/troubleshooting.md quotes it.
 */
const never = new AbortController().signal;
const QUOTA_NAMESPACE = 'small';
let cluster: OperatorCluster;
let server: PostgresServer;
let surroundings: Surroundings;
let numbers = 0;

beforeAll(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'waba-on-call-'));
  const port = await freePort();
  server = await startPostgres(
    {
      dataFolder: join(folder, 'data'),
      host: '127.0.0.1',
      port,
      username: 'waba',
      password: PASSWORD,
      clock: systemClock,
      settings: { max_connections: '300' },
    },
    never,
  );
  const client = new Client({
    host: '127.0.0.1',
    port,
    user: 'waba',
    password: PASSWORD,
    database: 'postgres',
  });
  await client.connect();
  await client.query(`CREATE ROLE guest LOGIN PASSWORD '${PASSWORD}'`);
  await client.query(`CREATE ROLE crowded LOGIN CREATEDB CONNECTION LIMIT 3 PASSWORD '${PASSWORD}'`);
  await client.end();
  surroundings = { namespaceWithQuota: QUOTA_NAMESPACE, port, freePort: await freePort() };
  cluster = await OperatorCluster.start({ crashing: await crashingImage() });
  await cluster.installOperator();
  await cluster.kubectl('delete', 'wad', 'shop', '--wait=false');
  await cluster.kubectl('create', 'namespace', QUOTA_NAMESPACE);
  await promisify(execFile)(process.execPath, [
    ...['dist/kubectl-waba.js', 'namespace', 'enable', QUOTA_NAMESPACE],
    ...['--kubeconfig', cluster.cluster.controlPlane.kubeconfigPath],
  ]);
}, 300_000);
afterAll(async () => {
  await cluster?.close();
  await server?.stop();
});

type StackObject = KubeObject & {
  readonly status?: {
    readonly phase?: string;
    readonly conditions?: readonly { type: string; status: string; reason: string; message: string }[];
  };
};
const stackOf = ({ name, namespace = 'default' }: Pick<Breakage, 'name' | 'namespace'>) =>
  cluster.client.get<StackObject>(WhatsAppDeploymentKind, namespace, name, never);
const conditionOf = async (of: Pick<Breakage, 'name' | 'namespace'>, type: string) =>
  (await stackOf(of)).status?.conditions?.find((condition) => condition.type === type);

async function eventsOf({ name, namespace = 'default' }: Pick<Breakage, 'name' | 'namespace'>) {
  type Event = KubeObject & { readonly type: string; readonly reason: string; readonly message: string };
  const fieldSelector = `involvedObject.kind=WhatsAppDeployment,involvedObject.name=${name}`;
  const { items } = await cluster.client.list<Event>(kinds.Event, { namespace, fieldSelector }, never);
  return items.map(({ type, reason, message }) => ({ type, reason, message }));
}

async function breakStack({ name, namespace = 'default', spec, objects = [] }: Breakage): Promise<void> {
  for (const object of objects) await cluster.apply(object);
  numbers += 1;
  await cluster.apply({
    apiVersion: WhatsAppDeploymentKind.apiVersion,
    kind: WhatsAppDeploymentKind.kind,
    metadata: { name, namespace },
    spec: { phoneNumber: `+1631555${2000 + numbers}`, ...spec },
  });
}

async function report(breakage: Breakage): Promise<void> {
  const file = process.env.WABA_ON_CALL_REPORT;
  if (file === undefined) return;
  const { name, namespace = 'default', broken } = breakage;
  const lines = [
    `## ${name}: ${broken}`,
    await cluster.kubectl('-n', namespace, 'get', 'wad', name),
    ...((await stackOf(breakage)).status?.conditions ?? [])
      .filter(({ status, reason }) => status !== 'True' && reason !== 'Waiting' && reason !== 'Active')
      .map(({ type, status, reason, message }) => `${type}=${status} ${reason}: ${message}`),
    ...(await eventsOf(breakage)).map(({ type, reason, message }) => `event ${type} ${reason}: ${message}`),
    '',
  ];
  await appendFile(file, lines.join('\n'));
}

/** Reads what a person would, until the cause is there. */
async function expectTold(breakage: Breakage): Promise<void> {
  const { reason, says, phase = 'Blocked' } = breakage;
  await eventually(async () => (await conditionOf(breakage, 'Ready'))?.reason === reason, 120_000).catch(
    async (error: unknown) => {
      throw new Error(JSON.stringify((await stackOf(breakage)).status, null, 1), { cause: error });
    },
  );
  const ready = await eventually(async () => {
    const found = await conditionOf(breakage, 'Ready');
    return says.every((part) => found?.message.includes(part)) ? found : undefined;
  }, 20_000).catch(() => conditionOf(breakage, 'Ready'));
  for (const part of says) expect(ready?.message).toContain(part);
  if (reason !== 'DatabaseConnectionRefused') expect((await stackOf(breakage)).status?.phase).toBe(phase);
  await eventually(async () => (await eventsOf(breakage)).some((event) => event.reason === reason));
  const printed = await cluster.kubectl('-n', breakage.namespace ?? 'default', 'get', 'wad', breakage.name);
  expect(printed).toContain(reason);
  await report(breakage);
  const { goesOn } = breakage;
  if (goesOn) await eventually(async () => (await conditionOf(breakage, goesOn))?.status === 'True', 60_000);
}

async function expectAllTold(breakages: readonly Breakage[]): Promise<void> {
  for (const breakage of breakages) await breakStack(breakage);
  const results = await Promise.allSettled(breakages.map(expectTold));
  const failures = results.flatMap((result, index) =>
    result.status === 'rejected' ? [`${breakages[index]?.name}: ${String(result.reason?.message)}`] : [],
  );
  for (const { name, namespace = 'default' } of breakages)
    await cluster.kubectl('-n', namespace, 'delete', 'wad', name, '--wait=false');
  expect(failures).toEqual([]);
}

describe('a person on call reads the cause', () => {
  it('of what is wrong with the database', async () => {
    await expectAllTold(await databaseBreakages(surroundings));
  });

  it('of what keeps pods from running', async () => {
    await expectAllTold(nodeBreakages(surroundings));
  });

  it('of what is wrong with other objects and the registration', async () => {
    await expectAllTold(otherBreakages(surroundings));
  });

  it('and no value of a Secret', async () => {
    const { items } = await cluster.client.list<KubeObject>(kinds.Event, { namespace: 'default' }, never);
    expect(JSON.stringify(items)).not.toContain('not-the-password');
  });
});
