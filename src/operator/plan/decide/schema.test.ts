import { describe, expect, it } from 'vitest';
import { applied, release, removed, StackModel } from '../../../../test/support/stackModel.ts';
import { whatsAppDeployment } from '../../../../test/support/whatsAppDeployment.ts';
import type { KubeObject } from '../../../engine/kube/kubeObject.ts';
import { annotations, componentOf, NETWORK } from '../facts/names.ts';
import type { ReferencedSecret } from '../facts/observed.ts';
import type { SecretObject } from '../facts/secrets.ts';
import { childKey } from '../render/child.ts';
import { planWorkloads, type WorkloadPlan } from './workloads.ts';

const external = { external: { host: 'db', credentialsSecretRef: { name: 'login' } } };
const withCa = {
  external: {
    ...external.external,
    tls: { mode: 'VerifyCA', caSecretRef: { name: 'ca', key: 'ca.crt' } },
  },
};
const secrets = (password: string, ca = 'A'): Map<string, ReferencedSecret> =>
  new Map([
    ['login', { name: 'login', data: { username: 'u', password } }],
    ['ca', { name: 'ca', data: { 'ca.crt': ca } }],
  ]);
const isJob = (object: KubeObject) => object.kind === 'Job' && componentOf(object) === 'schema';
const made = (plan: WorkloadPlan) =>
  applied(plan)
    .map(({ object }) => object)
    .filter(isJob);
const jobsOf = (model: StackModel) => [...model.children.values()].filter(isJob);
const verdict = (plan: WorkloadPlan, type: string) =>
  plan.steps.map(({ verdict }) => verdict).find((candidate) => candidate.type === type);

function settled(spec: object, referenced = secrets('p')): StackModel {
  const model = new StackModel(whatsAppDeployment({ spec }), referenced);
  model.settle();
  return model;
}
/** Forgets that the Job has completed. */
function unfinished(model: StackModel): string {
  const [job] = jobsOf(model);
  if (!job) throw new Error('no Job');
  model.children.set(childKey(job), { ...job, status: {} });
  model.journal = { ...model.journal, schemaDone: undefined };
  return childKey(job);
}

describe('the schema Job', () => {
  it('does not run again after a completed one was deleted', () => {
    const model = settled({});
    for (const job of jobsOf(model)) model.children.delete(childKey(job));
    const plan = planWorkloads(model.observed(), release);
    expect(made(plan)).toEqual([]);
    expect(verdict(plan, 'SchemaReady')?.status).toBe('True');
  });

  it('runs again for a new volume of the managed database', () => {
    const model = settled({});
    const claim = model.children.get('PersistentVolumeClaim/shop-database') as KubeObject;
    model.children.set(childKey(claim), { ...claim, metadata: { ...claim.metadata, uid: 'new' } });
    for (const job of jobsOf(model)) model.children.delete(childKey(job));
    expect(made(planWorkloads(model.observed(), release))).toHaveLength(1);
  });

  it('neither starts nor goes while the claim of the database is not seen, as without its labels', () => {
    const model = settled({});
    const key = 'PersistentVolumeClaim/shop-database';
    const claim = model.children.get(key) as KubeObject;
    model.children.set(key, { ...claim, metadata: { ...claim.metadata, uid: 'first' } });
    model.settle();
    model.children.delete(key);
    const plan = planWorkloads(model.observed(), release);
    expect([made(plan), removed(plan)]).toEqual([[], []]);
    expect(plan.schemaDone).toEqual(model.journal.schemaDone);
    expect(applied(plan).map(({ object }) => childKey(object))).toContain(key);
  });

  it('runs again for no size of a volume and no resources', () => {
    const model = settled({});
    const resources = { requests: { cpu: '2' } };
    model.resource = whatsAppDeployment({
      spec: {
        database: { managed: { storage: { size: '20Gi' }, resources } },
        nodes: { coreapp: { resources }, schema: { resources } },
      },
    });
    expect(made(planWorkloads(model.observed(), release))).toEqual([]);
  });

  it.each([
    ['password', secrets('corrected'), external],
    ['CA', secrets('p', 'B'), withCa],
  ])('is replaced when the %s is corrected, once the one before has stopped', (_, referenced, database) => {
    const model = settled({ database });
    const before = unfinished(model);
    const stopping = planWorkloads(model.observed({ referenced }), release);
    expect(removed(stopping).filter(isJob).map(childKey)).toEqual([before]);
    expect(made(stopping)).toEqual([]);
    model.children.delete(before);
    const [job] = made(planWorkloads(model.observed({ referenced }), release));
    expect(job && childKey(job)).not.toBe(before);
  });

  it('is made anew when Kubernetes ended it because it ran too long, and not for another failure', () => {
    const model = settled({});
    const key = unfinished(model);
    const failed = (reason: string) => {
      const conditions = [{ type: 'Failed', status: 'True', reason }];
      model.children.set(key, { ...(model.children.get(key) as KubeObject), status: { conditions } });
      return planWorkloads(model.observed(), release);
    };
    expect(removed(failed('DeadlineExceeded')).map(childKey)).toEqual([key]);
    const other = failed('BackoffLimitExceeded');
    expect(removed(other)).toEqual([]);
    expect(verdict(other, 'SchemaReady')?.reason).toBe('JobFailed');
  });

  it('holds back only what needs the new schema: other changes of a stack that runs go on', () => {
    const model = settled({ images: { webapp: 'web:1', coreapp: 'core:1' } });
    model.resource = whatsAppDeployment({
      spec: {
        images: { webapp: 'web:1', coreapp: 'core:2' },
        nodes: { webapp: { replicas: 3, podTemplate: { labels: { team: 'a' } } } },
      },
    });
    const running = planWorkloads(model.observed(), release);
    const keys = applied(running).map(({ object }) => childKey(object));
    expect(made(running)).toHaveLength(1);
    expect(keys).toContain('Deployment/shop-webapp');
    expect(keys.filter((key) => /StatefulSet\/shop-(master|coreapp)/.test(key))).toEqual([]);
    expect(running.rollout?.changes.get('StatefulSet/shop-coreapp-0')?.waiting?.reason).toContain(
      'waits for the schema Job',
    );
    model.settle();
    expect(JSON.stringify(model.children.get('StatefulSet/shop-coreapp-0'))).toContain('core:2');
  });

  it('is stopped, and nothing else happens, when a broken image is set back', () => {
    const model = settled({ images: { coreapp: 'core:1' } });
    const good = model.resource;
    model.resource = whatsAppDeployment({ spec: { images: { coreapp: 'core:broken' } } });
    const [job] = made(planWorkloads(model.observed(), release));
    if (!job) throw new Error('no Job');
    model.children.set(childKey(job), { ...job, status: {} });
    model.resource = good;
    const plan = planWorkloads(model.observed(), release);
    expect(removed(plan).map(childKey)).toEqual([childKey(job)]);
    expect(made(plan)).toEqual([]);
    expect(verdict(plan, 'SchemaReady')?.status).toBe('True');
  });
});

describe('the Secrets that data needs', () => {
  const edited = (model: StackModel, notes: Record<string, string> = {}) => {
    const secret = model.children.get('Secret/shop-database') as KubeObject;
    const { data: before } = secret as SecretObject;
    const data = { ...before, password: Buffer.from('another').toString('base64') };
    model.children.set('Secret/shop-database', {
      ...secret,
      metadata: { ...secret.metadata, annotations: notes },
      data,
    } as KubeObject);
    return planWorkloads(model.observed(), release);
  };

  it('change nothing when somebody edits the password of the managed database, until it is confirmed', () => {
    const model = settled({});
    model.settle();
    const plan = edited(model);
    const refused = verdict(plan, 'DatabaseReady');
    expect(refused?.reason).toBe('PasswordEdited');
    expect(
      applied(plan)
        .filter(({ restarts }) => restarts)
        .map(({ object }) => childKey(object)),
    ).toEqual(['Deployment/waba-network']);
    const [, hash = ''] = /accepted-password=(\w+)/.exec(refused?.message ?? '') ?? [];
    const confirmed = edited(model, { [annotations.acceptedPassword]: hash });
    expect(verdict(confirmed, 'DatabaseReady')?.status).toBe('True');
    expect(confirmed.databaseLogin?.password).toBe('another');
  });

  it.each([
    ['PostgreSQL', "psql -U admin -d postgres -c '\\password';"],
    ['MySQL', "mysql -u admin -p, and there ALTER USER 'admin'@'%' IDENTIFIED BY"],
    ['MariaDB', "mariadb -u admin -p, and there ALTER USER 'admin'@'%' IDENTIFIED BY"],
  ])('name what sets the password in a managed %s', (engine, command) => {
    const model = settled({ database: { managed: { engine } } });
    model.settle();
    const { message } = verdict(edited(model), 'DatabaseReady') ?? {};
    expect(message).toContain(`exec -it shop-database-0 -- ${command}`);
  });

  it('are of one engine: another one does not start beside the data', () => {
    const model = settled({ database: { managed: { engine: 'MariaDB' } } });
    model.settle();
    const other = whatsAppDeployment({ spec: { database: { managed: { engine: 'PostgreSQL' } } } });
    const plan = planWorkloads(model.observed({ resource: other }), release);
    expect(verdict(plan, 'DatabaseReady')).toMatchObject({
      reason: 'EngineChanged',
      message: expect.stringContaining('PersistentVolumeClaim shop-database holds the data of MariaDB'),
    });
    expect(applied(plan).map(({ object }) => childKey(object))).not.toContain('StatefulSet/shop-database');
    expect(plan.release).toEqual(model.journal?.release);
  });

  it('are not generated over a volume that was kept, and no message says to delete it', () => {
    const model = settled({});
    const claim = model.children.get('PersistentVolumeClaim/shop-database') as KubeObject;
    const fresh = new StackModel(whatsAppDeployment());
    fresh.children.set(childKey(claim), claim);
    const plan = planWorkloads(fresh.observed(), release);
    // The token of the control port is no secret of the data.
    expect(plan.generate).toEqual([NETWORK.controlSecret]);
    expect(verdict(plan, 'DatabaseReady')).toMatchObject({ status: 'False', reason: 'SecretLost' });
    expect(verdict(plan, 'DatabaseReady')?.message).not.toContain('delete');
  });
});

describe('a CA of an external database', () => {
  it('restarts the pods when it is rotated', () => {
    const model = settled({ database: withCa });
    const plan = planWorkloads(model.observed({ referenced: secrets('p', 'B') }), release);
    expect(plan.rollout?.isRolling).toBe(true);
  });
});
