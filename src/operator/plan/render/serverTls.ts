import { DATABASE_CERTIFICATE } from '../facts/generatedSecrets.ts';

const CERTIFICATE_FOLDER = '/opt/certs';

/** Plain connections stay possible: nodes of an earlier version still use them. */
export const serverTls = {
  args: [
    'ssl=on',
    `ssl_cert_file=${CERTIFICATE_FOLDER}/${DATABASE_CERTIFICATE.chain}`,
    `ssl_key_file=${CERTIFICATE_FOLDER}/${DATABASE_CERTIFICATE.key}`,
  ].flatMap((setting) => ['-c', setting]),
  volumeMount: { name: 'database-tls', mountPath: CERTIFICATE_FOLDER, readOnly: true },
  volume: (secretName: string) => ({
    name: 'database-tls',
    secret: {
      secretName,
      items: [DATABASE_CERTIFICATE.chain, DATABASE_CERTIFICATE.key].map((key) => ({ key, path: key })),
      // PostgreSQL refuses a key that others may read; the files belong to root and to the group of the pod.
      defaultMode: 0o440,
    },
  }),
};
