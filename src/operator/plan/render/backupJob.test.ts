import { describe, expect, it } from 'vitest';
import { whatsAppBackup } from '../../../../test/support/whatsAppBackup.ts';
import { whatsAppDeployment } from '../../../../test/support/whatsAppDeployment.ts';
import { backupEnvironment } from '../../../backup/contract/contract.ts';
import { managedEngines } from '../../resource/managedEngines.ts';
import { type BackupJobInput, backupJob, verificationJob } from './backupJob.ts';

interface Container {
  readonly name: string;
  readonly command: readonly string[];
  readonly env: readonly { readonly name: string; readonly value?: string; readonly valueFrom?: object }[];
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[];
}
interface PodSpec {
  readonly containers: readonly Container[];
  readonly volumes: readonly { readonly name: string }[];
  readonly securityContext: object;
}

const S3 = {
  s3: {
    bucket: 'vault',
    prefix: 'wa',
    endpoint: 'https://minio:9000',
    region: 'us-east-1',
    pathStyle: true,
    credentialsSecretRef: { name: 'vault-login' },
    caSecretRef: { name: 'vault-ca', key: 'root.pem' },
  },
};

function rendered(changes: Partial<BackupJobInput> = {}, spec: object = {}) {
  const job = backupJob({
    task: 'run',
    backup: whatsAppBackup('first'),
    stack: whatsAppDeployment({ spec }),
    release: { stack: 'waba-stack:1', database: 'postgres', databaseVersion: '18', databaseTls: true },
    offered: { stack: 'waba-stack:2', database: 'postgres' },
    destination: { claim: { name: 'vault', path: 'wa' } },
    encryptionSecret: 'vault-key',
    media: false,
    secrets: ['shop-journal', 'shop-admin'],
    serverName: 'shop-webapp.default.svc',
    ...changes,
  });
  const pod = (job.spec as { template: { spec: PodSpec } }).template.spec;
  const [agent, dump] = pod.containers;
  if (!agent) throw new Error('no agent');
  const variables = Object.fromEntries(agent.env.map(({ name, value }) => [name, value]));
  return { job, pod, agent, dump, variables };
}

describe('the Job of a backup', () => {
  it('tells the program what the program understands', () => {
    const { agent, variables } = rendered();
    expect(agent.command).toEqual(['/usr/local/bin/waba-backup', 'run']);
    const understood = backupEnvironment.parse(variables);
    expect(understood).toMatchObject({
      WABA_BACKUP_DESTINATION: 'file:/destination',
      WABA_BACKUP_FOLDER: 'wa/default/shop',
      WABA_BACKUP_NAME: 'first',
      WABA_BACKUP_PASSPHRASE_FILE: '/passphrase/passphrase',
      WABA_BACKUP_SECRETS_FOLDER: '/secrets',
      WABA_BACKUP_FACTS: { stack: 'shop', namespace: 'default', engine: 'PGSQL', number: '+16*****1000' },
      WABA_API_URL: 'https://shop-webapp.default.svc',
      WABA_API_CA_FILE: '/secrets/shop-journal/ca.crt',
      WABA_API_PASSWORD_FILE: '/secrets/shop-admin/password',
    });
    const known = Object.keys(backupEnvironment.shape);
    expect(
      Object.keys(variables).filter((name) => !/^(WA_DB_|MALLOC_)/.test(name) && !known.includes(name)),
    ).toEqual([]);
    expect(backupEnvironment.parse(rendered({ destination: S3 }).variables)).toMatchObject({
      WABA_BACKUP_DESTINATION: 's3://vault/wa',
      WABA_S3_ENDPOINT: 'https://minio:9000',
      WABA_S3_PATH_STYLE: true,
      WABA_S3_CREDENTIALS_FOLDER: '/credentials',
      WABA_S3_CA_FILE: '/storage-ca/ca.crt',
    });
  });

  it('mounts a volume for every path that it names, and none that it lacks', () => {
    for (const { pod, variables } of [rendered(), rendered({ destination: S3, media: true })]) {
      const mounts = pod.containers.flatMap(({ volumeMounts }) => volumeMounts);
      const volumes = pod.volumes.map(({ name }) => name).sort();
      expect([...new Set(mounts.map(({ name }) => name))].sort()).toEqual(volumes);
      const paths = Object.entries(variables)
        .filter(([name]) => /_(FILE|FOLDER)$/.test(name) && name !== 'WABA_BACKUP_FOLDER')
        .map(([, path]) => path ?? '');
      for (const path of paths)
        expect(
          mounts.some(
            ({ mountPath }) => `${path}/`.startsWith(`${mountPath}/`) || mountPath.startsWith(path),
          ),
        ).toBe(true);
    }
  });

  it('has no password in a command, and the pod bears no label of the stack', () => {
    const { job, dump } = rendered();
    const login = dump?.env.find(({ name }) => name === 'WA_DB_PASSWORD');
    expect(login?.valueFrom).toEqual({ secretKeyRef: { name: 'shop-database', key: 'password' } });
    expect(JSON.stringify(job)).not.toContain('app.kubernetes.io/instance');
  });

  it('has no settings of a stack whose admin has a password of a user', () => {
    const users = [
      { name: 'admin', role: 'ROLE_ADMIN', passwordSecretRef: { name: 'mine', key: 'password' } },
    ];
    expect(rendered({}, { users }).variables.WABA_API_URL).toBeUndefined();
    expect(rendered({ serverName: undefined }).variables.WABA_API_URL).toBeUndefined();
  });

  it('dumps with the tools of the database: of its image, or of a current one for an external server', () => {
    const image = (spec: object) => (rendered({}, spec).dump as { image?: string } | undefined)?.image;
    expect(image({})).toBe('postgres:18');
    expect(image({ database: { managed: { version: '18.1' } } })).toBe('postgres:18.1');
    expect(image({ images: { database: 'mine:1' } })).toBe('mine:1');
    const external = { host: 'db', credentialsSecretRef: { name: 'db' } };
    expect(image({ database: { external } })).toBe('postgres:18');
    expect(image({ database: { external: { ...external, engine: 'MySQL' } } })).toMatch(/mysql:8\.4$/);
  });

  it('for a removal has no database, no passphrase, and no need of the stack', () => {
    const { pod, agent } = rendered({ task: 'remove', stack: undefined });
    expect(agent.command).toEqual(['/usr/local/bin/waba-backup', 'remove']);
    expect(pod.containers).toHaveLength(1);
    expect(pod.volumes.map(({ name }) => name)).toEqual(['destination']);
  });
});

describe('the Job that verifies a backup', () => {
  const verification = (engine: keyof typeof managedEngines) => {
    const { spec } = verificationJob({
      backup: whatsAppBackup('first'),
      stack: undefined,
      release: { stack: 'waba-stack:1', database: 'postgres', databaseVersion: '', databaseTls: false },
      offered: { stack: 'waba-stack:1', database: 'postgres' },
      destination: { claim: { name: 'vault' } },
      encryptionSecret: 'vault-key',
      attempt: 1,
      engine,
    });
    return (spec as { template: { spec: PodSpec & { readonly initContainers: readonly Container[] } } })
      .template.spec;
  };

  it.each(['PostgreSQL', 'MySQL', 'MariaDB'] as const)(
    'restores into a %s that lives with the pod and that nothing outside of it reaches',
    (engine) => {
      const { containers, initContainers, volumes } = verification(engine);
      expect(containers.map(({ name }) => name)).toEqual(['agent', 'dump']);
      const [server, ...others] = initContainers as readonly (Container & { readonly args: string[] })[];
      expect([server?.name, others]).toEqual(['server', []]);
      expect(server).toMatchObject({
        restartPolicy: 'Always',
        securityContext: { runAsUser: 999, readOnlyRootFilesystem: true, allowPrivilegeEscalation: false },
      });
      expect(server?.args.some((arg) => /^(listen_addresses|--bind-address)=127\.0\.0\.1$/.test(arg))).toBe(
        true,
      );
      for (const { name } of server?.volumeMounts ?? [])
        expect(volumes).toContainEqual({ name, emptyDir: {} });
      for (const { env } of containers)
        expect(env).toEqual(
          expect.arrayContaining([
            { name: 'WA_DB_HOSTNAME', value: '127.0.0.1' },
            { name: 'WA_DB_PORT', value: String(managedEngines[engine].port) },
          ]),
        );
      const [agent] = containers;
      expect(agent?.command).toEqual(['/usr/local/bin/waba-backup', 'verify']);
      const variables = Object.fromEntries(agent?.env.map(({ name, value }) => [name, value]) ?? []);
      expect(backupEnvironment.parse(variables)).toMatchObject({ WABA_BACKUP_VERIFY_DATABASES: true });
      // Neither the Secrets of the stack nor its database are within reach.
      expect(volumes.map(({ name }) => name).filter((name) => /secret|database/.test(name))).toEqual([]);
    },
  );
});
