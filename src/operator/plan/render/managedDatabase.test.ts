import { describe, expect, it } from 'vitest';
import { whatsAppDeployment } from '../../../../test/support/whatsAppDeployment.ts';
import type { KubeObject } from '../../../engine/kube/kubeObject.ts';
import { releaseOf } from '../facts/release.ts';
import { managedDatabase } from './managedDatabase.ts';

interface Container {
  readonly image: string;
  readonly args: readonly string[];
  readonly env: readonly { readonly name: string }[];
  readonly resources?: { readonly requests: { readonly memory: string } };
}
interface PodSpec {
  readonly containers: readonly Container[];
  readonly volumes: readonly object[];
  readonly securityContext: object;
  readonly terminationGracePeriodSeconds: number;
}

const OFFERED = { stack: 'stack:1', database: 'postgres' };

function rendered(managed: object, { hasTls = true, spec = {} } = {}) {
  const resource = whatsAppDeployment({ spec: { ...spec, database: { managed } } });
  const release = releaseOf(resource, undefined, OFFERED);
  const children = managedDatabase(resource, release, { server: hasTls, nodes: hasTls, isDeclared: false });
  const find = (kind: string) =>
    children.find(({ object }) => object.kind === kind)?.object as KubeObject & { spec: object };
  const { template } = find('StatefulSet').spec as { readonly template: { readonly spec: PodSpec } };
  const [container] = template.spec.containers as [Container];
  return { container, pod: template.spec, service: find('Service').spec };
}

const COMMON = [
  '--datadir=/var/lib/mysql/data',
  '--max-connections=640',
  '--character-set-server=utf8mb4',
  '--skip-log-bin',
  '--host-cache-size=0',
  '--skip-name-resolve',
];
const TLS = ['--ssl-cert=/opt/certs/tls.crt', '--ssl-key=/opt/certs/tls.key'];
const MYSQL = [...COMMON, ...TLS, '--mysqlx=OFF', '--secure-file-priv=NULL'];
const NATIVE = ['--mysql-native-password=ON', '--authentication-policy=*:mysql_native_password'];

describe('a managed MariaDB', () => {
  const { container, pod, service } = rendered({ engine: 'MariaDB' });

  it('runs the official image of its series as the image wants it, without a right that it does not need', () => {
    expect(container).toEqual({
      name: 'database',
      image: 'docker.io/library/mariadb:11.4',
      args: [...COMMON, ...TLS, '--log-warnings=1'],
      env: [
        {
          name: 'MARIADB_ROOT_PASSWORD',
          valueFrom: { secretKeyRef: { name: 'shop-database', key: 'password' } },
        },
      ],
      ports: [{ name: 'mysql', containerPort: 3306 }],
      volumeMounts: [
        { name: 'data', mountPath: '/var/lib/mysql' },
        { name: 'run', mountPath: '/var/run/mysqld' },
        { name: 'tmp', mountPath: '/tmp' },
        { name: 'database-tls', mountPath: '/opt/certs', readOnly: true },
      ],
      startupProbe: { tcpSocket: { port: 'mysql' }, periodSeconds: 2, failureThreshold: 1800 },
      readinessProbe: { tcpSocket: { port: 'mysql' }, periodSeconds: 2, timeoutSeconds: 2 },
      livenessProbe: {
        tcpSocket: { port: 'mysql' },
        periodSeconds: 10,
        timeoutSeconds: 5,
        failureThreshold: 6,
      },
      securityContext: {
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      },
      resources: { requests: { cpu: '50m', memory: '128Mi' } },
    });
    expect(pod.securityContext).toMatchObject({ runAsNonRoot: true, runAsUser: 999, fsGroup: 999 });
    expect(pod.terminationGracePeriodSeconds).toBe(300);
    expect(service).toMatchObject({ ports: [{ name: 'mysql', port: 3306, targetPort: 'mysql' }] });
  });

  it('takes the image and the version of the user', () => {
    expect(rendered({ engine: 'MariaDB', version: '11.4.8' }).container.image).toBe(
      'docker.io/library/mariadb:11.4.8',
    );
    const spec = { images: { database: 'registry.example/mariadb:mine' } };
    expect(rendered({ engine: 'MariaDB' }, { spec }).container.image).toBe('registry.example/mariadb:mine');
  });

  it('requests more memory for MySQL, whose idle server needs it', () => {
    const requested = (engine: string) => rendered({ engine }).container.resources?.requests.memory;
    expect(['PostgreSQL', 'MariaDB', 'MySQL'].map(requested)).toEqual(['128Mi', '128Mi', '640Mi']);
    expect(rendered({ engine: 'MySQL' }).container.args.filter((arg) => arg.includes('buffer-pool'))).toEqual(
      [],
    );
  });

  it('has neither certificate nor key if TLS is off', () => {
    const plain = rendered({ engine: 'MariaDB' }, { hasTls: false });
    expect(plain.container.args).toEqual([...COMMON, '--log-warnings=1']);
    expect(JSON.stringify(plain.pod)).not.toContain('database-tls');
  });

  it.each([
    [undefined, undefined],
    ['512Mi', undefined],
    ['1Gi', '--innodb-buffer-pool-size=512M'],
    ['8Gi', '--innodb-buffer-pool-size=6144M'],
  ])('with a memory limit of %s gives InnoDB what the rest does not need', (memory, expected) => {
    const resources = memory === undefined ? undefined : { limits: { memory } };
    const { args } = rendered({ engine: 'MariaDB', resources }).container;
    expect(args.find((arg) => arg.includes('buffer-pool'))).toBe(expected);
  });

  it.each([
    [1, 640],
    [2, 640],
    [4, 1280],
    [32, 5120],
  ])('takes connections for all nodes of a stack with %i shards', (shards, most) => {
    const { args } = rendered({ engine: 'MariaDB' }, { spec: { multiconnect: { shards } } }).container;
    expect(args).toContain(`--max-connections=${most}`);
  });
});

describe('a managed MySQL', () => {
  it('differs in its image, the name of its variable, and the form of passwords that its series knows', () => {
    const { container } = rendered({ engine: 'MySQL' });
    expect(container.image).toBe('docker.io/library/mysql:8.4');
    expect(container.args).toEqual([...MYSQL, ...NATIVE]);
    expect(container.env.map(({ name }) => name)).toEqual(['MYSQL_ROOT_PASSWORD']);
    expect(rendered({ engine: 'MySQL', version: '8.4.7-oraclelinux9' }).container.args).toEqual(
      container.args,
    );
    expect(rendered({ engine: 'MySQL', version: '8.0.43' }).container.args).toEqual([
      ...MYSQL,
      '--default-authentication-plugin=mysql_native_password',
    ]);
    expect(rendered({ engine: 'MySQL', version: '9.4' }).container.args).toEqual(MYSQL);
  });
});

describe('every managed database', () => {
  it.each(['PostgreSQL', 'MySQL', 'MariaDB'])('of %s has no password among its arguments', (engine) => {
    const { container } = rendered({ engine });
    expect(container.args.join(' ')).not.toContain('$(');
    expect(JSON.stringify(container.env)).toContain(
      '"secretKeyRef":{"name":"shop-database","key":"password"}',
    );
  });
});
