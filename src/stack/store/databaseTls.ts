import { isIP } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import { CodedError } from '../../base/codedError.ts';
import { identityProblem } from '../../base/identityProblem.ts';
import type { Engine } from './dialect.ts';

/** require: encrypted; verify-ca: the server's certificate is checked; verify-full: its name too. */
type TlsMode = 'require' | 'verify-ca' | 'verify-full';

export interface DatabaseTls {
  readonly mode: TlsMode;
  /** PEM. */
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
}

/** Words of libpq and MySQL. Not found in any source: which words the vendor's client knows. */
const MODES: Readonly<Record<string, TlsMode | undefined>> = {
  disable: undefined,
  disabled: undefined,
  allow: undefined,
  prefer: undefined,
  preferred: undefined,
  require: 'require',
  required: 'require',
  'verify-ca': 'verify-ca',
  verify_ca: 'verify-ca',
  'verify-full': 'verify-full',
  verify_identity: 'verify-full',
};

/**
 * The meaning of `WA_DB_SSL_*` and `WA_DB_CONNECTION_OPTION`; undefined for an unencrypted connection. With a CA alone,
 * certificate and name are verified. @throws CodedError `BadEnvironment`
 */
export function databaseTls(given: {
  readonly option: string;
  /** `WABA_DB_SSL_MODE`, which prevails over the option. */
  readonly mode?: 'verify-ca' | 'verify-full' | undefined;
  /** What `verify-full` compares with. */
  readonly peer?: { readonly engine: Engine; readonly host: string } | undefined;
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
}): DatabaseTls | undefined {
  const { option, ca, cert, key, peer } = given;
  if ((cert === undefined) !== (key === undefined))
    throw new CodedError('BadEnvironment', 'set both WA_DB_SSL_CERT and WA_DB_SSL_KEY, or neither');
  const named = /(?:^|[\s;&])ssl-?mode=([\w-]+)/i.exec(option)?.[1]?.toLowerCase();
  if (named !== undefined && !(named in MODES))
    throw new CodedError(
      'BadEnvironment',
      `WA_DB_CONNECTION_OPTION: sslmode=${named} is none of ${Object.keys(MODES).join(', ')}`,
    );
  const asked = named === undefined ? undefined : MODES[named];
  const usual =
    ca !== undefined && named === undefined ? 'verify-full' : (asked ?? (cert ? 'require' : undefined));
  const mode = given.mode ?? usual;
  if (mode === undefined) return undefined;
  if (mode !== 'require' && ca === undefined)
    throw new CodedError(
      'BadEnvironment',
      `${given.mode ? 'WABA_DB_SSL_MODE' : 'sslmode'}=${mode} needs WA_DB_SSL_CA`,
    );
  if (given.mode === 'verify-full' && peer?.engine === 'MYSQL' && isIP(peer.host) !== 0)
    throw new CodedError(
      'BadEnvironment',
      `WABA_DB_SSL_MODE=verify-full needs a host name in WA_DB_HOSTNAME, not ${peer.host}: the driver of MySQL verifies no addresses`,
    );
  return { mode, ca, cert, key };
}

/** For the PostgreSQL driver. Drivers pass no name for an address, and Node.js would then check for `localhost`. */
export const postgresTls = ({ mode, ca, cert, key }: DatabaseTls, host: string): ConnectionOptions => ({
  rejectUnauthorized: mode !== 'require',
  checkServerIdentity: (_, presented) =>
    mode === 'verify-full' ? identityProblem(host, presented) : undefined,
  ...(ca === undefined ? {} : { ca }),
  ...(cert === undefined || key === undefined ? {} : { cert, key }),
});

/** For the MySQL driver, which checks the name only with `verifyIdentity`. */
export const mysqlTls = ({ mode, ca, cert, key }: DatabaseTls, host: string) => ({
  rejectUnauthorized: mode !== 'require',
  // The driver can verify names, but no addresses.
  verifyIdentity: mode === 'verify-full' && isIP(host) === 0,
  ...(ca === undefined ? {} : { ca }),
  ...(cert === undefined || key === undefined ? {} : { cert, key }),
});
