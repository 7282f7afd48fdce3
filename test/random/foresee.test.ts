import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { createAuthority, issueCertificate } from '../../src/base/pki/certificates.ts';
import { codeHash, encodeCertificate } from '../../src/onprem/emulatorCertificate.ts';
import { foresee } from '../../src/operator/plan/foresee/foresee.ts';
import type { WhatsAppDeployment } from '../../src/operator/resource/whatsAppDeployment.ts';
import { ModelledStack } from '../support/modelledStack.ts';
import { whatsAppDeployment } from '../support/whatsAppDeployment.ts';

const PAIRS = Number(process.env.PLAN_PAIRS ?? 100);
const SEED = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31));
const RELEASE = { stack: 'waba-stack:test', database: 'postgres' };
const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
const secret = (name: string, key: string) => ({ name, key });

/** An external server, and the same one by another port. */
const external = (secretName: string) =>
  [5432, 6432].map((port) => ({
    external: {
      host: 'db.example.org',
      port,
      credentialsSecretRef: { name: secretName },
      tls: { mode: 'Disable' },
    },
  }));

/** A random spec: every part that leads to objects, restarts or calls. */
const anyFields = fc.record({
  topology: fc.constantFrom('HighAvailability', 'HighAvailability', 'Single'),
  version: fc.constantFrom(undefined, 'v2.57.1', 'v2.57.2', 'v2.59.1'),
  multiconnect: maybe(fc.record({ shards: fc.constantFrom(1, 2, 4), standbys: fc.constantFrom(0, 1, 2) })),
  nodes: maybe(
    fc.record({
      webapp: fc.record({ replicas: fc.constantFrom(1, 2, 3) }),
      master: fc.constantFrom({ replicas: 2 }, { replicas: 3, podTemplate: { labels: { team: 'a' } } }),
      coreapp: fc.constantFrom(undefined, { resources: { requests: { cpu: '100m' } } }),
    }),
  ),
  imagePullSecrets: maybe(fc.constantFrom([{ name: 'a' }], [{ name: 'b' }])),
  images: maybe(
    fc.constantFrom({ webapp: 'web:1', coreapp: 'core:1' }, { webapp: 'web:2', coreapp: 'core:1' }),
  ),
  settings: maybe(
    fc.record(
      {
        callbackPersist: fc.boolean(),
        sentStatus: fc.boolean(),
        heartbeatInterval: fc.constantFrom(5, 7),
        webhooks: fc.record({ maxConcurrentRequests: fc.constantFrom(6, 12) }),
        media: fc.constantFrom({ autoDownload: ['image'] }, { autoDownload: ['image', 'video'] }),
      },
      { requiredKeys: [] },
    ),
  ),
  webhook: maybe(
    fc.record({
      url: fc.constantFrom('https://a.example/', 'https://b.example/'),
      caSecretRef: maybe(fc.constantFrom(secret('ca', 'one'), secret('ca', 'two'), secret('gone', 'ca.crt'))),
    }),
  ),
  users: maybe(
    fc.subarray(
      [
        { name: 'agent', passwordSecretRef: secret('users', 'agent') },
        { name: 'clerk', passwordSecretRef: secret('users', 'clerk') },
      ],
      { minLength: 1 },
    ),
  ),
  twoStep: maybe(
    fc.constantFrom({ pinSecretRef: secret('pin', 'one') }, { pinSecretRef: secret('pin', 'two') }),
  ),
  profile: maybe(
    fc.record(
      {
        about: fc.constantFrom('Shop', 'Shop 2'),
        photoSecretRef: fc.constantFrom(secret('photo', 'one'), secret('photo', 'two')),
        business: fc.constantFrom({ address: 'a' }, { address: 'b', description: 'c' }),
        compliance: fc.constantFrom({ entityName: 'Shop', entityType: 'Other' }),
      },
      { requiredKeys: [] },
    ),
  ),
  media: maybe(
    fc.constantFrom(
      { providers: [{ name: 'cdn', type: 'www', credentialsSecretRef: { name: 'cdn' } }] },
      { providers: [{ name: 'store', type: 'www', credentialsSecretRef: { name: 'cdn' } }] },
      { claimName: 'own' },
    ),
  ),
  database: maybe(fc.constantFrom(...['database', 'database2'].flatMap((name) => external(name)))),
  tls: maybe(
    fc.constantFrom({ selfSigned: {} }, { secretRef: { name: 'tls' } }, { secretRef: { name: 'tls2' } }),
  ),
  service: maybe(
    fc.constantFrom({ annotations: { a: 'b' } }, { ports: { https: 8443 } }, { type: 'LoadBalancer' }),
  ),
  monitoring: maybe(fc.record({ podMonitor: fc.boolean() })),
  upgrade: maybe(
    fc.record({
      strategy: fc.constantFrom('Rolling', 'Stop'),
      operatorChanges: fc.constantFrom('Hold', 'Immediately'),
    }),
  ),
  registration: maybe(
    fc.constant({
      certificateSecretRef: secret('registration', 'certificate'),
      codeSecretRef: secret('registration', 'code'),
    }),
  ),
});

const parses = (spec: object): boolean => {
  try {
    return whatsAppDeployment({ spec }) !== undefined;
  } catch {
    return false;
  }
};
const anySpec: fc.Arbitrary<object> = anyFields.filter(parses);

/** Fewer shards in a change that has to wait: the Coreapp of the default standby is made before the number of shards falls. */
const FEWER_SHARDS: [object, object, number] = [
  {
    topology: 'HighAvailability',
    version: 'v2.59.1',
    multiconnect: { shards: 4, standbys: 0 },
    database: external('database')[0],
  },
  { topology: 'HighAvailability' },
  0,
];

let secrets: Record<string, Record<string, string>>;
let generated: typeof secrets;
beforeAll(async () => {
  const [authority, own] = await Promise.all([1, 2].map(() => createAuthority({ subject: 'CN=test' })));
  if (!authority || !own) throw new Error('no authority');
  const request = { commonName: 'shop', hosts: ['shop-webapp.default.svc'], usage: 'server' } as const;
  const [one, two] = await Promise.all([1, 2].map(() => issueCertificate(authority, request)));
  const pair = (of: typeof one) => ({
    'tls.crt': of?.certificatePem ?? '',
    'tls.key': of?.privateKeyPem ?? '',
    'ca.crt': authority.certificatePem,
  });
  const registration = {
    certificate: encodeCertificate({ vname: 'Shop', codeHash: codeHash('111111') }),
    code: '111111',
  };
  secrets = {
    ca: { one: authority.certificatePem, two: one?.certificatePem ?? '' },
    users: { agent: 'Aa1-agent-0123', clerk: 'Aa1-clerk-0123' },
    pin: { one: '123456', two: '654321' },
    photo: { one: 'photo one', two: 'photo two' },
    cdn: { bearer: 'token' },
    database: { username: 'waba', password: 'one' },
    database2: { username: 'waba', password: 'two' },
    tls: pair(one),
    tls2: pair(two),
    registration,
  };
  generated = {
    'shop-admin': { username: 'admin', password: 'Aa1-admin-0123' },
    'shop-authority': { 'tls.crt': own.certificatePem, 'tls.key': own.privateKeyPem },
    'shop-registration': registration,
  };
});

const resource = (spec: object, generation: number): WhatsAppDeployment =>
  whatsAppDeployment({ spec, metadata: { generation } });

const foreseen = (stack: ModelledStack, after: WhatsAppDeployment, before: WhatsAppDeployment | undefined) =>
  foresee({ observed: stack.observed(after), offered: RELEASE, before });

describe('the forecast', () => {
  it(`says everything that happens when a resource changes (seed ${SEED})`, async () => {
    let total = 0;
    await fc.assert(
      fc.asyncProperty(anySpec, anySpec, fc.integer({ min: 0, max: 2 }), async (first, second, slowest) => {
        let turn = 0;
        const delay = () => (slowest === 0 ? 0 : turn++ % (slowest + 1));
        const [before, after] = [resource(first, 1), resource(second, 2)];
        const stack = new ModelledStack(before, secrets, { release: RELEASE, delay, generated });
        const creation = foreseen(stack, before, undefined);
        await stack.settle();
        expectForeseen(creation, stack.happened);
        const forecast = foreseen(stack, after, before);
        stack.happened = new Set();
        stack.resource = after;
        await stack.settle();
        expectForeseen(forecast, stack.happened);
        total += stack.happened.size;
      }),
      { seed: SEED, numRuns: PAIRS, examples: [FEWER_SHARDS] },
    );
    expect(total).toBeGreaterThan(PAIRS);
  }, 600_000);
});

function expectForeseen({ entries }: ReturnType<typeof foresee>, happened: ReadonlySet<string>): void {
  const said = new Set(entries.map(({ action, target }) => `${action} ${target}`));
  // An object that is made takes what changes later.
  const isSaid = (event: string) => said.has(event) || said.has(event.replace('Change', 'Create'));
  expect(
    [...happened].filter((event) => !isSaid(event)),
    'not foreseen',
  ).toEqual([]);
  // Objects and restarts are foreseen exactly; a call may turn out not to be needed.
  const others = entries
    .filter(({ action, isMaybe }) => action !== 'Call' && !isMaybe)
    .map(({ action, target }) => `${action} ${target}`)
    .filter((event) => !happened.has(event));
  expect(others, 'foreseen, and did not happen').toEqual([]);
}
