import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { machinePostgres } from './machinePostgres.ts';

const DEBIAN = 'pg_dump (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n';
const SERVER = ['/usr/lib/postgresql/15/bin/postgres', '/usr/lib/postgresql/15/bin/initdb'];
const machine = (version: string | undefined, programs: readonly string[] = SERVER) => ({
  dumpVersion: async () => {
    if (version === undefined) throw new Error('spawn pg_dump ENOENT');
    return version;
  },
  has: (program: string) => programs.includes(program),
});

describe('the PostgreSQL of a machine', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'waba-machine-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('serves new data if its server is of the release of its pg_dump', async () => {
    expect(await machinePostgres(join(folder, 'new'), machine(DEBIAN))).toBe('/usr/lib/postgresql/15');
    const fedora = ['/usr/pgsql-18/bin/postgres', '/usr/pgsql-18/bin/initdb'];
    const newest = machine('pg_dump (PostgreSQL) 18.4', fedora);
    expect(await machinePostgres(join(folder, 'new'), newest)).toBe('/usr/pgsql-18');
  });

  it('does not serve without pg_dump, without a server, or if it is too old', async () => {
    const data = join(folder, 'new');
    expect(await machinePostgres(data, machine(undefined))).toBeUndefined();
    expect(await machinePostgres(data, machine(DEBIAN, []))).toBeUndefined();
    expect(await machinePostgres(data, machine(DEBIAN, SERVER.slice(0, 1)))).toBeUndefined();
    const old = ['/usr/lib/postgresql/13/bin/postgres', '/usr/lib/postgresql/13/bin/initdb'];
    expect(await machinePostgres(data, machine('pg_dump (PostgreSQL) 13.14', old))).toBeUndefined();
  });

  it('serves data of its own release alone', async () => {
    await writeFile(join(folder, 'PG_VERSION'), '15\n');
    expect(await machinePostgres(folder, machine(DEBIAN))).toBe('/usr/lib/postgresql/15');
    await writeFile(join(folder, 'PG_VERSION'), '18\n');
    expect(await machinePostgres(folder, machine(DEBIAN))).toBeUndefined();
  });
});
