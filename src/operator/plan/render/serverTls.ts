import { DATABASE_CERTIFICATE } from '../facts/generatedSecrets.ts';

const CERTIFICATE_FOLDER = '/opt/certs';
const FILES = [DATABASE_CERTIFICATE.chain, DATABASE_CERTIFICATE.key];

/** Paths in the container of a managed database. */
export const CERTIFICATE_FILES = {
  chain: `${CERTIFICATE_FOLDER}/${DATABASE_CERTIFICATE.chain}`,
  key: `${CERTIFICATE_FOLDER}/${DATABASE_CERTIFICATE.key}`,
} as const;

export const serverTls = {
  volumeMount: { name: 'database-tls', mountPath: CERTIFICATE_FOLDER, readOnly: true },
  volume: (secretName: string) => ({
    name: 'database-tls',
    secret: {
      secretName,
      items: FILES.map((key) => ({ key, path: key })),
      // PostgreSQL refuses a key that others may read; the files belong to root and to the group of the pod.
      defaultMode: 0o440,
    },
  }),
};
