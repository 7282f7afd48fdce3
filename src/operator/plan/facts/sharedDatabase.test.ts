import { describe, expect, it } from 'vitest';
import { applied, release, StackModel } from '../../../../test/support/stackModel.ts';
import { whatsAppDeployment } from '../../../../test/support/whatsAppDeployment.ts';
import { planWorkloads } from '../decide/workloads.ts';
import type { ReferencedSecret } from './observed.ts';
import { databaseKey } from './stackSettings.ts';

const secrets = new Map<string, ReferencedSecret>([
  ['login', { name: 'login', data: { username: 'u', password: 'p' } }],
]);
const external = { host: 'db.example.org', name: 'shop_', credentialsSecretRef: { name: 'login' } };
const resource = (metadata: object, more: object = {}) =>
  whatsAppDeployment({
    metadata: { creationTimestamp: '2026-01-01T00:00:00Z', ...metadata },
    spec: { database: { external: { ...external, ...more } } },
  });
const shop = resource({ name: 'shop', uid: 'u1' });
const younger = resource({ name: 'branch', uid: 'u2', creationTimestamp: '2026-02-01T00:00:00Z' });
const withSchema = {
  ...younger,
  status: {
    conditions: [
      {
        type: 'SchemaReady',
        status: 'True' as const,
        reason: 'Upgraded',
        message: '',
        lastTransitionTime: '2026-02-01T00:00:00Z',
      },
    ],
  },
};

function judge(of: typeof shop, others: readonly (typeof shop)[], settle = false) {
  const model = new StackModel(of, secrets);
  if (settle) model.settle();
  else model.round();
  const plan = planWorkloads(model.observed({ sameDatabase: [of, ...others] }), release);
  const verdict = plan.steps.map((step) => step.verdict).find(({ type }) => type === 'DatabaseReady');
  return { verdict, jobs: applied(plan).filter(({ object }) => object.kind === 'Job') };
}

describe('a prefix on a server that two stacks want', () => {
  it('is that of the older one, and the younger one says so and makes nothing there', () => {
    const { verdict, jobs } = judge(younger, [shop]);
    expect(verdict).toMatchObject({ status: 'False', reason: 'PrefixInUse' });
    expect(verdict?.message).toContain(
      'names begin with shop_ belong to WhatsAppDeployment default/shop, which has its schema there or is older; set spec.database.external.name',
    );
    expect(jobs).toEqual([]);
    expect(judge(shop, [younger]).verdict?.reason).not.toBe('PrefixInUse');
  });

  it('is that of the younger one if its schema is there already', () => {
    expect(judge(shop, [withSchema]).verdict?.reason).toBe('PrefixInUse');
  });

  it('is not taken from a stack that has its schema there', () => {
    expect(judge(younger, [shop, withSchema], true).verdict?.status).toBe('True');
  });

  it('does not tell the name of a resource in another namespace', () => {
    const elsewhere = resource({ name: 'secret', namespace: 'other', uid: 'u0' });
    expect(judge(younger, [elsewhere]).verdict?.message).toContain(
      'belong to a WhatsAppDeployment of another namespace',
    );
  });
});

describe('the databases of a stack', () => {
  const key = (metadata: object, more: object = {}) => databaseKey(resource(metadata, more));

  it('are the same for the same server, port and prefix, however they are written', () => {
    const here = key({ namespace: 'a' });
    expect(here).toBe('db.example.org:5432/shop_');
    expect(key({ namespace: 'b' }, { host: 'DB.example.org', port: 5432 })).toBe(here);
    for (const more of [{ port: 6432 }, { name: 'other_' }, { engine: 'MySQL' }, { host: 'db2.example.org' }])
      expect(key({ namespace: 'a' }, more)).not.toBe(here);
  });

  it('are others in each namespace for a name that only the namespace gives a meaning, and by default', () => {
    expect(key({ namespace: 'a' }, { host: 'db' })).not.toBe(key({ namespace: 'b' }, { host: 'db' }));
    const own = { name: undefined };
    expect(key({ namespace: 'a' }, own)).not.toBe(key({ namespace: 'b' }, own));
    expect(databaseKey(whatsAppDeployment())).toBeUndefined();
  });
});
