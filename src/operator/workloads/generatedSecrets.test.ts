import { describe, expect, it } from 'vitest';
import { cloudSpec } from '../../../test/support/cloudSpec.ts';
import { podView } from '../../../test/support/podView.ts';
import { applied, NOW_MS, release, restarted, StackModel } from '../../../test/support/stackModel.ts';
import { whatsAppDeployment } from '../../../test/support/whatsAppDeployment.ts';
import { DEFAULT_ADMIN } from '../../onprem/users.ts';
import { planWorkloads, type WorkloadPlan } from '../plan/decide/workloads.ts';
import { GENERATED_KEYS, generatedSecretsOf } from '../plan/facts/generatedSecrets.ts';
import type { Journal } from '../plan/facts/journal.ts';
import { NETWORK } from '../plan/facts/names.ts';
import type { Observed } from '../plan/facts/observed.ts';
import { decodeSecret, type SecretObject } from '../plan/facts/secrets.ts';
import { childKey } from '../plan/render/child.ts';
import type { WhatsAppDeployment } from '../resource/whatsAppDeployment.ts';
import { generateSecret } from './generatedSecrets.ts';

const resource = whatsAppDeployment({ spec: { tls: { selfSigned: {} } } });
/** Stacks that together have every Secret that the operator generates. */
const STACKS = [
  resource,
  ...['mysqlOperator', 'mariadbOperator'].map((field) =>
    whatsAppDeployment({ spec: { database: { [field]: {} } } }),
  ),
  whatsAppDeployment({ spec: { stack: 'Cloud', cloud: cloudSpec() } }),
];
/** Each once, with a stack that has it. */
const SECRETS = [
  ...new Map(
    STACKS.toReversed().flatMap((of) =>
      generatedSecretsOf(of).map((secret) => [secret.part, { ...secret, of }]),
    ),
  ).values(),
];
const EVERY_KEY = SECRETS.flatMap(({ keys, ...secret }) => keys.map((key) => ({ ...secret, key })));
/** What MariaDB Operator publishes. */
const PUBLISHED = { name: 'shop-db-ca-bundle', data: { 'ca.crt': 'CA' }, raw: { 'ca.crt': 'CA' } };

const base64 = (text: string) => Buffer.from(text).toString('base64');
const secretOf = ({ children }: StackModel, name: string) => children.get(`Secret/${name}`) as SecretObject;

/** The ways in which a person spoils a value. */
const SPOILS = {
  removed: (data: Record<string, string>, key: string) =>
    Object.fromEntries(Object.entries(data).filter(([name]) => name !== key)),
  emptied: (data: Record<string, string>, key: string) => ({ ...data, [key]: '' }),
  'made blank': (data: Record<string, string>, key: string) => ({ ...data, [key]: ' \n' }),
};

function write(model: StackModel, name: string, texts: Readonly<Record<string, string>>): void {
  const data = Object.fromEntries(Object.entries(texts).map(([key, text]) => [key, base64(text)]));
  model.children.set(`Secret/${name}`, { ...secretOf(model, name), data } as SecretObject);
}

/** A settled stack with the Secrets as they are generated. Everything holds their values. */
async function inUse(of: WhatsAppDeployment = resource): Promise<StackModel> {
  const model = new StackModel(of, new Map([[PUBLISHED.name, PUBLISHED]]));
  model.round();
  for (const { name } of generatedSecretsOf(of))
    write(model, name, (await generateSecret(of, name)).stringData);
  model.settle();
  const { password } = decodeSecret(secretOf(model, 'shop-admin'));
  model.journal = {
    ...model.journal,
    adminPassword: password,
    served: { names: ['shop'], notAfter: NOW_MS, ca: 'PEM', authority: 'hash' },
    registration: { attempt: 1, phase: 'verifying' } as NonNullable<Journal['registration']>,
  };
  return model;
}

const sharedPods = [podView({ name: 'waba-network-1', component: 'network' })];
const planOf = (model: StackModel, changes: Partial<Observed> = {}) =>
  planWorkloads(model.observed({ sharedPods, ...changes }), release);
const unmetIn = ({ steps }: WorkloadPlan) =>
  steps.map(({ verdict }) => verdict).find(({ status }) => status === 'False');
/** What stands behind the nodes is applied with their surroundings, unchanged. */
const NETWORKS: readonly string[] = [NETWORK.name, 'shop-gateway'];
/** What the plan changes of the pods of this stack. */
const changesOfPods = (plan: WorkloadPlan) => [
  ...restarted(plan),
  ...applied(plan)
    .filter(({ restarts, object }) => restarts && !NETWORKS.includes(object.metadata.name))
    .map(({ object }) => childKey(object)),
];

describe('the account of a managed database', () => {
  it.each([
    ['PostgreSQL', 'waba'],
    ['MySQL', 'root'],
    ['MariaDB', 'root'],
  ])('of %s is %s, which may create databases', async (engine, username) => {
    const of = whatsAppDeployment({ spec: { database: { managed: { engine } } } });
    expect((await generateSecret(of, 'shop-database')).stringData.username).toBe(username);
  });
});

describe('the Secrets that the operator generates', () => {
  it('are all in these tests, with all of their keys', async () => {
    expect(SECRETS.map(({ part }) => part).sort()).toEqual(Object.keys(GENERATED_KEYS).sort());
    for (const { of, name, keys } of SECRETS)
      expect(Object.keys((await generateSecret(of, name)).stringData).sort()).toEqual([...keys].sort());
    for (const of of STACKS) expect(unmetIn(planOf(await inUse(of)))).toBeUndefined();
  });

  describe.each(Object.entries(SPOILS))('with a value that somebody %s', (_, spoil) => {
    it.each(EVERY_KEY.filter(({ part }) => part !== 'cloud'))(
      'get it back, or the status names the key and the command: $name $key',
      async ({ of, name, part, key }) => {
        const model = await inUse(of);
        const before = decodeSecret(secretOf(model, name));
        write(model, name, spoil(before, key));
        const plan = planOf(model);
        expect([plan.generate, plan.databaseLogin]).toEqual([[], model.journal.databaseLogin]);
        if (part !== 'control') expect(changesOfPods(plan)).toEqual([]);
        if (plan.mend.length > 0) {
          expect(plan.mend).toEqual([{ name, values: { [key]: before[key] } }]);
          model.carryOut(plan, of);
          expect(decodeSecret(secretOf(model, name))).toEqual(before);
          expect(unmetIn(planOf(model))).toBeUndefined();
          return;
        }
        const told = unmetIn(plan);
        expect(told).toMatchObject({ reason: 'SecretMissing' });
        expect(told?.message).toContain(`key ${key} of Secret ${name} is missing or blank`);
        expect(told?.message).toContain(`kubectl -n default patch secret ${name} `);
        expect(told?.message).not.toMatch(/delete/);
        write(model, name, before);
        expect(unmetIn(planOf(model))).toBeUndefined();
      },
    );

    it.each(EVERY_KEY)('get it, old or new, while nothing uses it: $name $key', async ({ of, name, key }) => {
      const model = new StackModel(of);
      model.round();
      expect(secretOf(model, name)).toBeDefined();
      write(model, name, spoil(decodeSecret(secretOf(model, name)), key));
      const plan = planOf(model, { sharedPods: [] });
      // What the journal takes for the login must be one.
      if (name === 'shop-database') expect(plan.databaseLogin).toBeUndefined();
      expect(plan.mend.map((mend) => mend.name)).toEqual([name]);
      model.carryOut(plan, of);
      expect(decodeSecret(secretOf(model, name))[key]?.trim()).toBeTruthy();
      expect(planOf(model, { sharedPods: [] }).mend).toEqual([]);
    });
  });

  it.each(EVERY_KEY.filter(({ part }) => part === 'cloud'))(
    'get new values while a gateway runs, because it takes them without a restart: $name $key',
    async ({ of, name, key }) => {
      const model = await inUse(of);
      write(model, name, SPOILS.removed(decodeSecret(secretOf(model, name)), key));
      const plan = planOf(model);
      expect(plan.mend).toEqual([{ name, values: undefined }]);
      expect(changesOfPods(plan)).toEqual([]);
      model.children.delete(`Secret/${name}`);
      expect(planOf(model).generate).toEqual([name]);
      expect(unmetIn(planOf(model))?.reason).not.toBe('SecretLost');
    },
  );

  it('get back all that was known when somebody removed all values', async () => {
    const model = await inUse();
    for (const name of ['shop-database', 'shop-admin']) {
      const before = decodeSecret(secretOf(model, name));
      model.children.set(`Secret/${name}`, { ...secretOf(model, name), data: {} } as SecretObject);
      const plan = planOf(model);
      expect(plan.mend).toEqual([{ name, values: before }]);
      expect(changesOfPods(plan)).toEqual([]);
      model.carryOut(plan, resource);
    }
    expect(unmetIn(planOf(model))).toBeUndefined();
  });

  it.each(EVERY_KEY)('keep what somebody wrote into them: $name $key', async ({ of, name, part, key }) => {
    const model = await inUse(of);
    const before = decodeSecret(secretOf(model, name));
    write(model, name, { ...before, [key]: `${before[key]}x` });
    const plan = planOf(model);
    expect(plan.generate).toEqual([]);
    // The user name of the administrator is always the same.
    const isFixed = part === 'admin' && key === 'username';
    expect(plan.mend).toEqual(isFixed ? [{ name, values: { username: DEFAULT_ADMIN.username } }] : []);
    if (part === 'database') expect(unmetIn(plan)?.reason).toBe('PasswordEdited');
  });

  it('are told with the command that reads the value from the pods that have it', async () => {
    const model = await inUse();
    write(model, 'shop-keys', SPOILS.removed(decodeSecret(secretOf(model, 'shop-keys')), 'jwtKey'));
    expect(unmetIn(planOf(model))).toMatchObject({
      type: 'DatabaseReady',
      message: `key jwtKey of Secret shop-keys is missing or blank, and what the operator generated there is in use; put it back with the value that its running pods have: kubectl -n default patch secret shop-keys --type merge -p "{\\"stringData\\":{\\"jwtKey\\":\\"$(kubectl -n default exec deployment/shop-webapp -c webapp -- printenv WA_WEB_JWT_CRYPTO_KEY)\\"}}". Until then nothing of the stack changes`,
    });
  });

  it('are told, the shared one too, beside what the nodes wait for meanwhile', async () => {
    const model = await inUse();
    write(model, 'waba-network-control', {});
    model.journal = { ...model.journal, coreappRestarts: 1 } as Journal;
    model.round({ sharedPods, api: undefined });
    const told = unmetIn(planOf(model, { api: undefined }));
    expect(told).toMatchObject({ type: 'WorkloadsReady', reason: 'SecretMissing' });
    expect(told?.message).toContain('key token of Secret waba-network-control is missing or blank');
    expect(told?.message).toContain('waits for the API of the stack, which does not answer');
  });

  it('are not written from the password of a declared admin, which is in a Secret of the user', async () => {
    const passwordSecretRef = { name: 'mine', key: 'password' };
    const declared = whatsAppDeployment({
      spec: { users: [{ name: DEFAULT_ADMIN.username, role: 'ROLE_ADMIN', passwordSecretRef }] },
    });
    const model = await inUse(declared);
    write(model, 'shop-admin', { username: DEFAULT_ADMIN.username });
    expect(planOf(model).mend).toEqual([{ name: 'shop-admin', values: undefined }]);
  });

  it('are left alone by an observer who may not read them', async () => {
    const model = await inUse();
    write(model, 'shop-keys', {});
    const plan = planOf(model, { secretsHash: 'hash' });
    expect(plan.mend).toEqual([]);
    expect(plan.steps.map(({ verdict }) => verdict.reason)).not.toContain('SecretMissing');
  });
});
