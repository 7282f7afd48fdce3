import { describe, expect, it } from 'vitest';
import { FakeApplication } from '../../../test/support/fakeApplicationPass.ts';
import { whatsAppDeploymentSpec } from '../resource/spec.ts';
import { profileDifferences } from './profile.ts';
import { providerDifferences } from './providers.ts';
import { takeRegistrationStep } from './registrationStep.ts';
import { twoStepDifferences } from './twoStep.ts';
import { userDifferences } from './users.ts';

const CERTIFICATE = Buffer.from(JSON.stringify({ vname: 'Shop' })).toString('base64');
const PROVIDER = {
  media: { providers: [{ name: 'cdn', type: 'www', credentialsSecretRef: { name: 'it' } }] },
};
const PLACE = { name: 'it', key: 'value' };
const OTHERS = { certificateSecretRef: { name: 'certificate', key: 'value' } };

/** One Secret that the application controller sends to the stack in one line. */
interface Case {
  readonly field: string;
  readonly spec: object;
  readonly key?: string;
  readonly good: string;
  readonly others?: Record<string, string>;
  readonly isRegistered?: boolean;
  readonly before?: number;
}

const CASES: readonly Case[] = [
  {
    field: 'registration.certificateSecretRef',
    spec: { registration: { certificateSecretRef: PLACE } },
    good: CERTIFICATE,
  },
  {
    field: 'registration.codeSecretRef',
    spec: { registration: { ...OTHERS, codeSecretRef: PLACE } },
    good: '123-456',
    before: 1,
  },
  {
    field: 'registration.pinSecretRef',
    spec: { registration: { ...OTHERS, pinSecretRef: PLACE } },
    good: '123456',
  },
  {
    field: 'twoStep.pinSecretRef',
    spec: { twoStep: { pinSecretRef: PLACE } },
    good: '123456',
    isRegistered: true,
  },
  {
    field: 'users[].passwordSecretRef',
    spec: { users: [{ name: 'agent', passwordSecretRef: PLACE }] },
    good: 'Password-of-agent-1',
  },
  { field: 'media.providers[].credentialsSecretRef', spec: PROVIDER, key: 'bearer', good: 'token' },
  {
    field: 'media.providers[].credentialsSecretRef',
    spec: PROVIDER,
    key: 'username',
    good: 'planted-user',
    others: { password: 'secret' },
  },
  {
    field: 'media.providers[].credentialsSecretRef',
    spec: PROVIDER,
    key: 'password',
    good: 'planted-secret',
    others: { username: 'planted-user' },
  },
];

/** Secrets of another kind, and the test that holds for them. */
const OTHER_KINDS: Readonly<Record<string, string>> = {
  'emulator.tracing.headersSecretRef': 'read by the pods',
  'cloud.accessTokenSecretRef': 'read by the gateway',
  'cloud.appSecretRef': 'read by the gateway',
  'cloud.verifyTokenSecretRef': 'read by the gateway',
  'profile.photoSecretRef': 'bytes: profile.test.ts',
  'webhook.caSecretRef': 'PEM: webhook.test.ts',
  'tls.secretRef': 'PEM: certificates.test.ts',
  'database.cloudNativePG.credentialsSecretRef': 'read by the pods: plan/decide/databaseCluster.test.ts',
  'database.mysqlOperator.credentialsSecretRef': 'read by the pods: plan/decide/databaseCluster.test.ts',
  'database.mariadbOperator.credentialsSecretRef': 'read by the pods: plan/decide/databaseCluster.test.ts',
  'database.external.credentialsSecretRef': 'read by the pods: plan/decide/workloads.test.ts',
  'database.external.tls.caSecretRef': 'PEM, read by the pods: plan/decide/workloads.test.ts',
  'database.external.tls.clientCertificateSecretRef': 'PEM, read by the pods: plan/decide/workloads.test.ts',
  'backup.encryptionSecretRef': 'read by the pods of a backup: src/backup',
  'backup.destination.s3.credentialsSecretRef': 'read by the pods of a backup: src/backup',
  'backup.destination.s3.caSecretRef': 'PEM, read by the pods of a backup: src/backup',
  'registration.restoreFrom.encryptionSecretRef': 'read by the pods of a restore: src/backup',
  'registration.restoreFrom.destination.s3.credentialsSecretRef': 'read by the pods of a restore: src/backup',
  'registration.restoreFrom.destination.s3.caSecretRef': 'PEM, read by the pods of a restore: src/backup',
  imagePullSecrets: 'read by the kubelet',
};

/** What one pass sends when the key holds this value: the calls, or the error. */
async function sent(
  { spec, key = PLACE.key, others = {}, isRegistered = false, before = 0 }: Case,
  value: string,
) {
  const application = new FakeApplication(spec, {
    secrets: { certificate: { value: CERTIFICATE }, it: { ...others, [key]: value } },
  });
  application.stack.state.isRegistered = isRegistered;
  const pass = async () => {
    const { verdict } = await takeRegistrationStep(application.pass(), isRegistered);
    for (const part of [userDifferences, providerDifferences, twoStepDifferences, profileDifferences])
      for (const { repair } of await part(application.pass())) await repair();
    return verdict.message;
  };
  let message = '';
  for (let count = 0; count <= before; count++)
    message = await pass().catch((error: unknown) =>
      error instanceof Error ? error.message : String(error),
    );
  return { writes: JSON.stringify(application.stack.takeWrites()), message };
}

describe('a value of one line in a Secret of the user', () => {
  it.each(CASES)('is sent without the line end of its file: $field $key', async (one) => {
    const clean = await sent(one, one.good);
    expect(clean.writes).toContain(one.good);
    for (const end of ['\n', '\r\n', '\n\n'])
      expect((await sent(one, one.good + end)).writes).toBe(clean.writes);
  });

  it.each(CASES)(
    'is not sent with a line end inside, and the message names the Secret and the key: $field $key',
    async (one) => {
      const broken = `${one.good.slice(0, 3)}\n${one.good.slice(3)}`;
      const { writes, message } = await sent(one, broken);
      expect(writes).not.toContain(JSON.stringify(broken).slice(1, -1));
      expect(message).toMatch(/Secret it\b/);
      expect(message).toContain(one.key ?? PLACE.key);
      expect(message).not.toContain(one.good);
    },
  );

  it.each(CASES)('is not sent blank, and the message names the Secret: $field $key', async (one) => {
    for (const blank of ['', '\n']) {
      const { writes, message } = await sent(one, blank);
      expect(writes).not.toMatch(/""|"\\n"/);
      expect(message).toMatch(/Secret it\b/);
    }
  });

  it('stands in this list for every field of spec that refers to a Secret', () => {
    const found: string[] = [];
    const walk = (schema: unknown, path: string): void => {
      const { def } = schema as { def?: { shape?: object; element?: unknown; innerType?: unknown } };
      if (def?.innerType) walk(def.innerType, path);
      if (def?.element) walk(def.element, `${path}[]`);
      for (const [name, inner] of Object.entries(def?.shape ?? {})) {
        const at = path === '' ? name : `${path}.${name}`;
        if (/secretRef$|^imagePullSecrets$/i.test(name)) found.push(at);
        else walk(inner, at);
      }
    };
    walk(whatsAppDeploymentSpec, '');
    expect([...new Set(found)].sort()).toEqual(
      [...new Set([...CASES.map(({ field }) => field), ...Object.keys(OTHER_KINDS)])].sort(),
    );
  });
});
