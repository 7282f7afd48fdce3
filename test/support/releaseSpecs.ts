import type { ReferencedSecret } from '../../src/operator/plan/facts/observed.ts';

/** Specs that together use every way in which a spec reaches pod templates. */
export const RELEASE_SPECS: Readonly<Record<string, object>> = {
  minimal: {},
  mariadb: { topology: 'Single', database: { managed: { engine: 'MariaDB' } } },
  mysql: { database: { managed: { engine: 'MySQL', version: '8.4', tls: { mode: 'VerifyCA' } } } },
  single: { topology: 'Single', version: 'v2.57.1' },
  onPremises: {
    stack: 'OnPremises',
    version: 'v2.57.1',
    images: { webapp: 'registry.example/web:v2.57.1', coreapp: 'registry.example/coreapp:v2.57.1' },
    imagePullSecrets: [{ name: 'registry' }],
    registration: { certificateSecretRef: { name: 'certificate' } },
    capacity: { messagesPerSecond: 20 },
    database: {
      external: {
        engine: 'MySQL',
        host: 'db.example',
        credentialsSecretRef: { name: 'database' },
        tls: { mode: 'VerifyCA', caSecretRef: { name: 'database-ca', key: 'ca.crt' } },
      },
    },
    media: { claimName: 'media' },
  },
  adapted: {
    multiconnect: { shards: 2, standbys: 1 },
    nodes: {
      webapp: { resources: { requests: { cpu: '500m' } }, podTemplate: { labels: { team: 'a' } } },
      master: { podTemplate: { nodeSelector: { disk: 'ssd' }, priorityClassName: 'high' } },
      coreapp: {
        podTemplate: {
          env: [{ name: 'TZ', value: 'UTC' }],
          volumes: [{ name: 'extra', emptyDir: {} }],
          sidecars: [{ name: 'proxy', image: 'proxy:1' }],
        },
      },
    },
  },
};
/** The Secrets that these specs refer to. */
export const RELEASE_SECRETS: ReadonlyMap<string, ReferencedSecret> = new Map(
  Object.entries({
    database: { username: 'shop', password: 'secret-password-1' },
    'database-ca': { 'ca.crt': 'PEM' },
  }).map(([name, data]) => [name, { name, data }]),
);
