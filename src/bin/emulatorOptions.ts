import { readFile } from 'node:fs/promises';
import { InvalidArgumentError } from 'commander';
import { CodedError, describeError } from '../base/codedError.ts';
import { normaliseRecipient } from '../onprem/messages.ts';
import { passwordProblem } from '../onprem/users.ts';
import { clientVersion } from '../stack/clientVersionOf.ts';
import { LAPTOP_DEFAULTS } from '../stack/laptopDefaults.ts';
import type { LaptopDatabase } from '../stack/laptopStores.ts';
import type { GraphMode } from '../stack/network/graphSide.ts';

export const parsePort = (text: string): number => {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw new InvalidArgumentError('a port is a whole number from 0 to 65535');
  return port;
};

export const parseCount = (text: string): number => {
  const count = Number(text);
  if (Number.isInteger(count) && count >= 1) return count;
  throw new InvalidArgumentError('write a whole number of at least 1');
};

/** `on` or `off`. */
export const parseSwitch = (text: string): boolean => {
  if (text === 'on' || text === 'off') return text === 'on';
  throw new InvalidArgumentError('write on or off');
};

/** How the two APIs share numbers; undefined: there is no Graph API. */
export const parseGraphMode = (text: string): GraphMode | undefined => {
  if (text === 'off') return undefined;
  if (text === 'both' || text === 'exclusive') return text;
  throw new InvalidArgumentError('write both, exclusive or off');
};

const ENGINES: Readonly<Record<string, { engine: 'PGSQL' | 'MYSQL'; port: number }>> = {
  'postgres:': { engine: 'PGSQL', port: 5432 },
  'postgresql:': { engine: 'PGSQL', port: 5432 },
  'mysql:': { engine: 'MYSQL', port: 3306 },
  'mariadb:': { engine: 'MYSQL', port: 3306 },
};

/** `memory`, `embedded`, or the URL of a database server, whose path is the prefix of the names of databases. */
export const parseDatabase = (text: string): LaptopDatabase => {
  if (text === 'memory' || text === 'embedded') return text;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const server = ENGINES[url?.protocol ?? ''];
  if (!url || !server)
    throw new InvalidArgumentError(
      'write memory, embedded, or the URL of a server: postgres://user:password@host:5432 or mysql://…',
    );
  return {
    engine: server.engine,
    host: url.hostname,
    port: Number(url.port || server.port),
    username: decodeURIComponent(url.username),
    password: decodeURIComponent(url.password),
    prefix: decodeURIComponent(url.pathname.slice(1)),
  };
};

export const parseDate = (text: string): number => {
  const date = /^\d{4}-\d\d-\d\d$/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(date)) throw new InvalidArgumentError('a date has the form YYYY-MM-DD');
  return date;
};

export const parseNumber = (text: string): string => {
  const digits = normaliseRecipient(text);
  if (digits === undefined)
    throw new InvalidArgumentError(
      `${text} is no phone number: write it with + and the country code, for example ${LAPTOP_DEFAULTS.phoneNumber}`,
    );
  return `+${digits}`;
};

export const parsePassword = (text: string): string => {
  const problem = passwordProblem(text);
  if (problem !== undefined) throw new InvalidArgumentError(problem);
  return text;
};

/** `v2.45.1`, with or without the v. Without a version the option asks for that of the emulator. */
export const parseVersion = (text: string): string => {
  try {
    return clientVersion({ WABA_CLIENT_VERSION: /^\d/.test(text) ? `v${text}` : text });
  } catch {
    throw new InvalidArgumentError(`${text} is no version of the client: write it like v2.57.1`);
  }
};

/** The text of a file that an option names. @throws CodedError `NoFile` */
export async function readOption(option: string, file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const problem =
      code === 'ENOENT'
        ? 'there is no such file'
        : code === 'EISDIR'
          ? 'that is a folder'
          : code === 'EACCES'
            ? 'this user may not read it'
            : describeError(cause);
    throw new CodedError('NoFile', `${option} ${file}: ${problem}`);
  }
}
