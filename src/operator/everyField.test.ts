import { beforeAll, describe, expect, it } from 'vitest';
import { cloudSpec } from '../../test/support/cloudSpec.ts';
import { changesOf, type Leaf, leavesOf } from '../../test/support/everyField.ts';
import { FakeApplication } from '../../test/support/fakeApplicationPass.ts';
import { applied, NOW_MS, release, StackModel, waiting } from '../../test/support/stackModel.ts';
import { whatsAppBackup } from '../../test/support/whatsAppBackup.ts';
import { whatsAppDeployment } from '../../test/support/whatsAppDeployment.ts';
import { createAuthority, issueCertificate, type KeyPair } from '../base/pki/certificates.ts';
import { codeHash, encodeCertificate } from '../onprem/emulatorCertificate.ts';
import { certify } from './application/certificates.ts';
import { collectWhenDue } from './application/housekeeping.ts';
import type { ApplicationPass } from './application/pass.ts';
import { takeRegistrationStep } from './application/registrationStep.ts';
import { reshard } from './application/resharding.ts';
import { synchronise } from './application/synchronise.ts';
import { WebhookCheck } from './application/webhook.ts';
import { planBackups } from './plan/decide/backups.ts';
import { planRestore } from './plan/decide/restore.ts';
import { planWorkloads } from './plan/decide/workloads.ts';
import { SCHEDULED_FOR } from './plan/facts/backups.ts';
import type { Journal } from './plan/facts/journal.ts';
import { annotations, CLEANUP_FINALIZER } from './plan/facts/names.ts';
import type { ReferencedSecret } from './plan/facts/observed.ts';
import { releaseOf } from './plan/facts/release.ts';
import { stackStatus } from './plan/tell/stackStatus.ts';
import { summarise } from './plan/tell/summary.ts';
import { whatsAppDeploymentSpec } from './resource/spec.ts';
import type { WhatsAppDeployment } from './resource/whatsAppDeployment.ts';
import { wantsFinalizer } from './workloads/finalize.ts';

const DAY_MS = 86_400_000;
const resources = { requests: { cpu: '100m', memory: '100Mi' }, limits: { cpu: 1, memory: '1Gi' } };
const podTemplate = {
  labels: { team: 'a' },
  annotations: { note: 'a' },
  nodeSelector: { disk: 'ssd' },
  affinity: { nodeAffinity: {} },
  tolerations: [{ key: 'a' }],
  topologySpreadConstraints: [{ maxSkew: 1, topologyKey: 'zone', whenUnsatisfiable: 'ScheduleAnyway' }],
  priorityClassName: 'high',
  runtimeClassName: 'gvisor',
  securityContext: { runAsUser: 1 },
  env: [{ name: 'TZ', value: 'UTC' }],
  volumes: [{ name: 'extra', emptyDir: {} }],
  sidecars: [{ name: 'proxy', image: 'proxy:1' }],
};
const fromField = {
  ...podTemplate,
  env: [{ name: 'POD', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }],
};
const { sidecars: _, ...schemaTemplate } = podTemplate;
const contact = { email: 'a@example.com', landlineNumber: '1', mobileNumber: '2' };

/** Together they set every field of the spec; a field is changed in each spec that has it. */
const SPECS: readonly object[] = [
  {},
  {
    version: 'v2.57.1',
    images: { webapp: 'web:1', coreapp: 'core:1', database: 'db:1' },
    imagePullSecrets: [{ name: 'registry' }],
    multiconnect: { shards: 2, standbys: 1, allowReRegistration: false },
    registration: {
      method: 'SMS',
      attempt: 1,
      certificateSecretRef: { name: 'certificate', key: 'certificate' },
      codeSecretRef: { name: 'code', key: 'code' },
      pinSecretRef: { name: 'pin', key: 'pin' },
    },
    nodes: {
      webapp: { replicas: 2, resources, podTemplate },
      master: { replicas: 2, resources, podTemplate },
      coreapp: { resources, podTemplate },
      schema: { resources, podTemplate: schemaTemplate },
    },
    database: {
      managed: {
        engine: 'PostgreSQL',
        storage: { size: '1Gi', storageClassName: 'fast' },
        tls: { mode: 'VerifyCA' },
        passwordRotation: '2026-03',
        resources,
        podTemplate,
      },
    },
    media: {
      storage: { size: '1Gi', storageClassName: 'shared', accessMode: 'ReadWriteMany' },
      providers: [{ name: 'cdn', type: 'www', credentialsSecretRef: { name: 'cdn' } }],
      garbageCollection: { schedule: '0 3 * * *' },
    },
    settings: {
      callbackPersist: false,
      callbackBackoffDelayMs: 1000,
      maxCallbackBackoffDelayMs: 2000,
      media: { autoDownload: ['image'] },
      passThrough: true,
      sentStatus: true,
      webhooks: { maxConcurrentRequests: 12, message: { sent: true, delivered: false, read: false } },
      heartbeatInterval: 7,
      unhealthyInterval: 40,
      axolotlContextStripingDisabled: true,
      notifyUserChangeNumber: true,
      showSecurityNotifications: true,
      dbGarbagecollectorEnable: true,
      garbagecollectorEnable: { messages: true, media: true },
      skipReferralMediaDownload: true,
      webhookPayloadConversationPricingmodelDisabled: true,
      verboseLogging: true,
      logLevel: 'debug',
      onCallPager: '1',
    },
    profile: {
      about: 'Shop',
      photoSecretRef: { name: 'photo', key: 'photo' },
      business: {
        address: 'a',
        description: 'b',
        email: 'c@example.com',
        vertical: 'Education',
        websites: ['https://a.example'],
      },
      compliance: {
        entityName: 'Shop',
        entityType: 'Other',
        entityTypeCustom: 'Club',
        isRegistered: true,
        customerCareDetails: contact,
        grievanceOfficerDetails: { ...contact, name: 'Ada' },
      },
    },
    webhook: { url: 'https://hooks.example/', caSecretRef: { name: 'hooks', key: 'ca.crt' } },
    users: [{ name: 'agent', passwordSecretRef: { name: 'agent', key: 'password' } }],
    twoStep: { pinSecretRef: { name: 'pin', key: 'pin' } },
    tls: { secretRef: { name: 'tls' } },
    service: { type: 'ClusterIP', annotations: { a: 'b' }, ports: { https: 443 } },
    messageRetention: { schedule: '0 2 * * *' },
    upgrade: {
      mode: 'Automatic',
      strategy: 'Rolling',
      operatorChanges: 'Hold',
      window: { schedule: '0 12 * * *', durationMinutes: 60, timeZone: 'UTC' },
      deadlineSeconds: 600,
    },
    monitoring: { podMonitor: false },
    exposure: {
      httpRoute: {
        parents: [{ name: 'public', namespace: 'infra', sectionName: 'https', port: 443 }],
        hostnames: ['api.shop.example'],
        paths: ['/v1/messages'],
      },
    },
    networkPolicy: {
      enabled: true,
      allowFrom: [{ podSelector: { matchLabels: { app: 'crm' } } }],
      egress: [{ ports: [{ protocol: 'TCP', port: 9000 }] }],
    },
    backup: {
      schedule: '0 3 * * *',
      timeZone: 'UTC',
      retention: { count: 4, days: 7 },
      destination: { claim: { name: 'vault', path: 'wa' } },
      encryptionSecretRef: { name: 'vault-key' },
      media: false,
      suspend: false,
    },
    emulator: {
      mediaHosts: ['media.shop.svc'],
      tracing: {
        endpoint: 'http://tempo.monitoring.svc:4318',
        samplingPercent: 10,
        headersSecretRef: { name: 'collector', key: 'headers' },
      },
      network: { url: 'tcp://net:5222' },
    },
  },
  {
    capacity: { messagesPerSecond: 10 },
    nodes: {
      webapp: { podTemplate: fromField },
      master: { podTemplate: fromField },
      coreapp: { podTemplate: fromField },
      schema: { podTemplate: { ...schemaTemplate, env: fromField.env } },
    },
    emulator: { network: { resources, podTemplate } },
    database: {
      external: {
        engine: 'PostgreSQL',
        host: 'db',
        port: 5432,
        name: 'shop_',
        credentialsSecretRef: { name: 'database' },
        tls: {
          mode: 'VerifyCA',
          caSecretRef: { name: 'database-ca', key: 'ca.crt' },
          clientCertificateSecretRef: { name: 'database-client' },
        },
      },
    },
    backup: {
      destination: {
        s3: {
          bucket: 'vault',
          prefix: 'wa',
          endpoint: 'https://minio:9000',
          region: 'us-east-1',
          pathStyle: true,
          credentialsSecretRef: { name: 'vault-login' },
          caSecretRef: { name: 'vault-ca', key: 'ca.crt' },
        },
      },
      encryptionSecretRef: { name: 'vault-key' },
    },
    media: { claimName: 'media', garbageCollection: { schedule: '0 3 * * *' } },
    tls: { issuerRef: { name: 'issuer', kind: 'Issuer' } },
    users: [{ name: 'admin', role: 'ROLE_ADMIN', passwordSecretRef: { name: 'admin' } }],
  },
  {
    registration: {
      restoreFrom: {
        backup: 'last',
        namespace: 'old',
        deployment: 'lost',
        destination: { claim: { name: 'vault', path: 'wa' } },
        encryptionSecretRef: { name: 'vault-key' },
      },
    },
  },
  {
    registration: {
      restoreFrom: {
        backup: 'last',
        destination: {
          s3: {
            bucket: 'vault',
            prefix: 'wa',
            endpoint: 'https://minio:9000',
            region: 'us-east-1',
            pathStyle: true,
            credentialsSecretRef: { name: 'vault-login' },
            caSecretRef: { name: 'vault-ca', key: 'ca.crt' },
          },
        },
        encryptionSecretRef: { name: 'vault-key' },
      },
    },
  },
  {
    stack: 'OnPremises',
    version: 'v2.57.1',
    images: { webapp: 'web@sha256:1', coreapp: 'core@sha256:1' },
    registration: { certificateSecretRef: { name: 'certificate' } },
    tls: { selfSigned: {} },
    exposure: {
      tlsRoute: {
        parents: [{ name: 'public', namespace: 'infra', sectionName: 'tls', port: 443 }],
        hostnames: ['api.shop.example'],
      },
    },
  },
  {
    exposure: {
      ingress: {
        className: 'public',
        hostnames: ['api.shop.example'],
        paths: ['/v1/messages'],
        annotations: { 'example.org/backend-protocol': 'HTTPS' },
        tlsSecretName: 'api-tls',
      },
    },
  },
  {
    nodes: {
      webapp: {
        autoscaling: {
          minReplicas: 2,
          maxReplicas: 6,
          targetCPUUtilizationPercentage: 60,
          requestsPerSecond: { averageValue: 50, metricName: 'requests' },
          scaleDownStabilizationSeconds: 300,
        },
      },
    },
  },
  {
    stack: 'Cloud',
    settings: { webhooks: { message: { sending: true } } },
    cloud: {
      phoneNumberId: '106540352242922',
      businessAccountId: '102290129340398',
      accessTokenSecretRef: { name: 'meta', key: 'token' },
      appSecretRef: { name: 'meta', key: 'app' },
      verifyTokenSecretRef: { name: 'meta', key: 'verify' },
      graphVersion: 'v25.0',
      graphUrl: 'https://graph.facebook.com',
      identity: 'Omit',
      throughput: 20,
      webhook: { url: 'https://hooks1.example.com/webhook' },
      gateway: { storage: { size: '1Gi', storageClassName: 'fast' }, resources, podTemplate },
    },
  },
  {
    stack: 'Cloud',
    cloud: {
      ...cloudSpec(),
      webhook: {
        httpRoute: {
          parents: [{ name: 'public', namespace: 'infra', sectionName: 'https', port: 443 }],
          hostnames: ['hooks.shop.example'],
          path: '/shop1/webhook',
        },
      },
      gateway: { podTemplate: fromField },
    },
  },
  {
    stack: 'Cloud',
    cloud: {
      ...cloudSpec(),
      webhook: {
        ingress: {
          className: 'public',
          hostnames: ['hooks.shop.example'],
          path: '/shop1/webhook',
          annotations: { 'example.org/limit': '10' },
          tlsSecretName: 'hooks-tls',
        },
      },
    },
  },
  { database: { managed: { engine: 'MariaDB', version: '11.4.8' } } },
  {
    database: {
      cloudNativePG: { instances: 3, storage: { size: '1Gi', storageClassName: 'fast' }, resources },
    },
  },
  {
    database: {
      mysqlOperator: {
        instances: 3,
        storage: { size: '1Gi', storageClassName: 'fast' },
        resources,
        version: '8.4.3',
      },
    },
  },
  {
    database: {
      mariadbOperator: {
        instances: 3,
        storage: { size: '1Gi', storageClassName: 'fast' },
        resources,
        mode: 'Replication',
      },
    },
  },
  { database: { mariadbOperator: { credentialsSecretRef: { name: 'database' } } } },
  { database: { cloudNativePG: { name: 'postgres', credentialsSecretRef: { name: 'database' } } } },
  { database: { mysqlOperator: { name: 'mysql', credentialsSecretRef: { name: 'database' } } } },
  { database: { mariadbOperator: { name: 'mariadb', credentialsSecretRef: { name: 'database' } } } },
  {
    database: { managed: { version: '17', podTemplate: fromField } },
    emulator: { network: { podTemplate: fromField } },
  },
];

/** Fields without another valid value, each with the reason. */
const DECIDED: Readonly<Record<string, string>> = {
  phoneNumber: 'immutable once registered; other tests check its uniqueness',
  'media.providers[].type': 'there is only one type',
  'tls.selfSigned': 'an empty object; another choice of spec.tls replaces it',
  'users[].role': 'follows from the name of the user',
};

let pairs: readonly KeyPair[];
let authority: KeyPair;

beforeAll(async () => {
  authority = await createAuthority({ subject: 'CN=test' });
  const request = { commonName: 'shop', hosts: ['shop-webapp.default.svc'], usage: 'server' } as const;
  pairs = await Promise.all([1, 2].map(() => issueCertificate(authority, request)));
});

/** The value of a Secret key, by the field that refers to it: each name and key has a different value. */
function secretValue(field: string, name: string, key: string): string {
  const isOriginal = key.length < 12 && !/[x1]$/.test(name) && !/[x1]$/.test(key);
  const number = isOriginal ? '123456' : '654321';
  if (/pin/i.test(field)) return number;
  if (/code/i.test(field)) return '111111';
  if (/certificate/i.test(field))
    return encodeCertificate({ vname: `${name}/${key}`, codeHash: codeHash('111111') });
  if (/ca(?=Secret)/i.test(field)) return (isOriginal ? authority : pairs[0])?.certificatePem ?? '';
  return `Aa1-${name}-${key}-0123`;
}

/** The content of every Secret that a spec refers to. */
function secretsOf(spec: object): Record<string, Record<string, string>> {
  const found: Record<string, Record<string, string>> = {};
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    for (const [field, inner] of Object.entries(value)) {
      const { name, key } = inner as { name?: string; key?: string };
      if (!/secretRef$/i.test(field) || name === undefined) visit(inner);
      else if (key !== undefined) found[name] = { ...found[name], [key]: secretValue(field, name, key) };
      else if (field === 'secretRef' || field === 'clientCertificateSecretRef') {
        const pair = pairs[name === 'tls' ? 0 : 1];
        found[name] = { 'tls.crt': pair?.certificatePem ?? '', 'tls.key': pair?.privateKeyPem ?? '' };
      } else found[name] = { username: name, password: `Aa1-${name}`, bearer: name };
    }
  };
  visit(spec);
  return found;
}

/** What the operators of database clusters publish. */
const PUBLISHED = {
  'postgres-ca': { 'ca.crt': 'CA' },
  'mysql-ca': { 'ca.pem': 'CA' },
  'mariadb-ca-bundle': { 'ca.crt': 'CA' },
};

const referenced = (spec: object): Map<string, ReferencedSecret> =>
  new Map(
    Object.entries({ ...PUBLISHED, ...secretsOf(spec) }).map(([name, data]) => [
      name,
      { name, data, raw: data },
    ]),
  );

/** Models of the cluster with nothing left to do, by spec. */
const settledModels = new Map<string, StackModel>();
function settledModel(resource: WhatsAppDeployment): StackModel {
  const key = JSON.stringify(resource.spec);
  const known = settledModels.get(key);
  if (known) return known;
  const model = new StackModel(resource, referenced(resource.spec));
  // A Webapp has answered.
  model.journal = { ...model.journal, webappCa: 'PEM' };
  model.settle();
  settledModels.set(key, model);
  return model;
}

/** Children and status, without the annotation with the input hashes, which changes with every input. */
function workloadsOf(resource: WhatsAppDeployment): string {
  const model = settledModel(resource);
  const plan = planWorkloads(model.observed(), release);
  const verdicts = plan.steps.map(({ verdict }) => verdict);
  const summary = summarise({
    observed: model.observed(),
    reported: verdicts,
    stored: [],
    progressing: undefined,
    rollout: plan.rollout,
    nowMs: NOW_MS,
  });
  const newer = { ...release, stack: 'waba-stack:newer' };
  return JSON.stringify(
    [
      [...model.children],
      waiting(planWorkloads(model.observed(), newer)),
      rollOf(model),
      verdicts,
      summary,
      stackStatus(model.observed(), [...verdicts, ...Object.values(summary)], []),
      wantsFinalizer(resource) ? CLEANUP_FINALIZER : '',
    ],
    (key, value: unknown) => (key === annotations.inputs || key === annotations.applied ? undefined : value),
  );
}

/** The Job that reads the backup which the stack begins with, whatever its Secrets hold. */
function restoreOf(resource: WhatsAppDeployment): string {
  const waiting = {
    type: 'DatabaseReady' as const,
    status: 'False' as const,
    reason: 'Restoring',
    message: '',
    lastTransitionTime: new Date(NOW_MS).toISOString(),
    observedGeneration: resource.metadata.generation,
  };
  const data = { passphrase: 'p', accessKeyId: 'a', secretAccessKey: 's', 'ca.crt': 'c', 'ca.crtx': 'c' };
  const names = Object.keys(secretsOf(resource.spec));
  const plan = planRestore({
    resource: { ...resource, status: { conditions: [waiting] } },
    journal: undefined,
    children: new Map(),
    referenced: new Map(names.map((name) => [name, { name, data }])),
    job: undefined,
    report: { result: undefined, problem: undefined, progress: undefined },
    seen: undefined,
    isLost: false,
    readerKey: 'key',
    release: { ...releaseOf(resource, undefined, release), databaseTls: false },
    offered: release,
  });
  return JSON.stringify([plan?.start, plan?.news]);
}

/** Jobs, new backups and those that go, with some of the last days and one that is due. */
function backupsOf(resource: WhatsAppDeployment): string {
  const day = (number: number) => new Date(NOW_MS - number * DAY_MS).toISOString();
  const scheduled = [2, 3, 4, 6.5].map((age) =>
    whatsAppBackup(`shop-${age}`, {
      metadata: { annotations: { [SCHEDULED_FOR]: day(age) } },
      status: { phase: 'Completed', completedAt: day(age) },
    }),
  );
  const conditions = (['DatabaseReady', 'SchemaReady'] as const).map((type) => ({
    type,
    status: 'True' as const,
    reason: 'Ready',
    message: '',
    lastTransitionTime: day(9),
  }));
  const plan = planBackups({
    stack: { ...resource, status: { conditions } },
    backups: [whatsAppBackup('mine'), ...scheduled],
    release: { ...releaseOf(resource, undefined, release), databaseTls: false },
    offered: release,
    jobs: new Map(),
    reports: new Map(),
    hasKey: () => true,
    secrets: [],
    serverName: undefined,
    nowMs: NOW_MS,
  });
  return JSON.stringify([
    plan.start,
    plan.create,
    plan.expire.map(({ metadata }) => metadata.name),
    plan.againMs,
  ]);
}

/** The first step of a rollout that a setting causes, twenty minutes into the maintenance window. */
function rollOf(model: StackModel) {
  const journal = { ...model.journal, coreappRestarts: 1 };
  const { steps, rollout } = planWorkloads(model.observed({ journal, nowMs: NOW_MS + 20 * 60_000 }), release);
  const changed = steps.flatMap(({ apply }) => apply).filter(({ object }) => object.kind === 'StatefulSet');
  return [rollout?.waitingFor, changed.map(({ object }) => (object.spec as { replicas: number }).replicas)];
}

/** Where the application controller starts: a new stack, a stack in use, and stages in between. */
const BEGINNINGS: Readonly<
  Record<string, { readonly prepare: (app: FakeApplication) => void; readonly journal?: Partial<Journal> }>
> = {
  new: { prepare: () => {} },
  refused: { prepare: () => {}, journal: { registration: { attempt: 1, phase: 'refused' } } },
  registered: {
    prepare: ({ stack }) => {
      stack.state.isRegistered = true;
      stack.state.coreapps = 64;
    },
    journal: { registration: { attempt: 1, phase: 'registered', registeredAt: '2026-01-01T00:00:00Z' } },
  },
};

/** Calls and conditions of the application controller, from each start. */
async function applicationOf(resource: WhatsAppDeployment): Promise<unknown> {
  const seen: unknown[] = [];
  for (const [name, { prepare, journal = {} }] of Object.entries(BEGINNINGS)) {
    const app = new FakeApplication(resource.spec, { secrets: secretsOf(resource.spec), journal });
    app.ownSecrets = {
      'shop-authority': { 'tls.crt': authority.certificatePem, 'tls.key': authority.privateKeyPem },
      'shop-tls': { 'tls.crt': pairs[0]?.certificatePem ?? '', 'tls.key': pairs[0]?.privateKeyPem ?? '' },
    };
    prepare(app);
    const probed: unknown[] = [];
    const webhooks = new WebhookCheck(async ({ url, ca }) => {
      probed.push([url, ca]);
      return { layer: 'Status', problem: undefined, latencyMs: 1 };
    });
    for (let look = 0; look < 3; look++) {
      seen.push(
        name,
        await settled(app.pass(), webhooks, app.stack.state.isRegistered),
        app.stack.takeWrites(),
      );
      app.restartPods();
      // Another client changes the stack before the last pass.
      if (look === 1) app.stack.state.settings = { ...app.stack.state.settings, heartbeat_interval: 99 };
      await app.clock.advance(look === 1 ? DAY_MS : 60_000);
    }
    seen.push(probed, app.stack.state);
  }
  return JSON.stringify(seen, (key, value: unknown) => (key === 'certificates' ? undefined : value));
}

/** Runs each part once; an error counts as its message. */
async function settled(
  pass: ApplicationPass,
  webhooks: WebhookCheck,
  isRegistered: boolean,
): Promise<unknown> {
  const parts: (() => Promise<unknown>)[] = [
    () => certify(pass),
    () => synchronise(pass, isRegistered, () => {}),
    () => webhooks.judge('default/shop', pass),
    () => takeRegistrationStep(pass, isRegistered),
    () => reshard(pass, isRegistered),
    () => collectWhenDue(pass),
  ];
  const results: unknown[] = [];
  for (const part of parts) results.push(await part().catch((error: unknown) => String(error)));
  return results;
}

const parse = (spec: object): WhatsAppDeployment | undefined => {
  try {
    return whatsAppDeployment({ spec });
  } catch {
    return undefined;
  }
};

const LEAVES = leavesOf(whatsAppDeploymentSpec);
const BEFORE = SPECS.map((spec) => whatsAppDeployment({ spec }));

/** The same value for the same argument. */
function once<K extends object, V>(make: (key: K) => V): (key: K) => V {
  const made = new Map<K, V>();
  return (key) => {
    if (!made.has(key)) made.set(key, make(key));
    return made.get(key) as V;
  };
}

/** Valid changes of a field, each with the resource before it. */
const changes = once((leaf: Leaf) =>
  BEFORE.flatMap((before) =>
    changesOf(before.spec, leaf).flatMap((changed) => {
      const after = parse(changed);
      return after && JSON.stringify(after.spec) !== JSON.stringify(before.spec) ? [{ before, after }] : [];
    }),
  ),
);
const workloadsBefore = once(workloadsOf);
const applicationBefore = once(applicationOf);

describe('every field of the spec', () => {
  it('has a change that these tests can make, or a reason why it has none', () => {
    const without = LEAVES.filter((leaf) => changes(leaf).length === 0).map(({ path }) => path);
    expect(without.sort()).toEqual(
      Object.keys(DECIDED)
        .filter((path) => path !== 'phoneNumber')
        .sort(),
    );
  });

  it.each(LEAVES.filter(({ path }) => !DECIDED[path]))(
    '$path changes a child, a call or the status, or the status says that nothing acts on it',
    async (leaf) => {
      const effects: boolean[] = [];
      for (const { before, after } of changes(leaf)) {
        const isSeen =
          workloadsBefore(before) !== workloadsOf(after) ||
          backupsOf(before) !== backupsOf(after) ||
          restoreOf(before) !== restoreOf(after) ||
          (await applicationBefore(before)) !== (await applicationOf(after));
        effects.push(isSeen);
        if (isSeen) break;
      }
      expect(effects).toContain(true);
    },
  );

  it.each(LEAVES.filter(({ path }) => !DECIDED[path]))(
    '$path is never mistaken for a change by a new operator version',
    (leaf) => {
      for (const { before, after } of changes(leaf)) {
        const observed = { ...settledModel(before).observed(), resource: after, stacks: [after] };
        const plan = planWorkloads({ ...observed, referenced: referenced(after.spec) }, release);
        const held = waiting(plan).filter(({ reason }) => reason.includes('new operator version'));
        expect(held).toEqual([]);
        // A stack that waits for its backup is made of nothing.
        if (!after.spec.registration.restoreFrom) expect(applied(plan).length).toBeGreaterThan(0);
      }
    },
  );
});
