import { describe, expect, it } from 'vitest';
import { whatsAppDeployment } from '../../../../test/support/whatsAppDeployment.ts';
import { releaseOf } from './release.ts';

const OLD = { stack: 'stack:1', database: 'postgres' };
const NEW = { stack: 'stack:2', database: 'postgres-of-ours' };

describe('the release that a stack runs', () => {
  const resource = (spec: object = {}) => whatsAppDeployment({ spec });
  const pinned = releaseOf(resource({ version: 'v2.57.1' }), undefined, OLD);

  it('is the offered one when the stack is created', () => {
    expect(pinned).toEqual({ version: 'v2.57.1', ...OLD, databaseVersion: '18' });
  });

  it('stays the same when a new operator version offers another one', () => {
    expect(releaseOf(resource({ version: 'v2.57.1' }), pinned, NEW)).toBe(pinned);
  });

  it('is the offered one once the user changes spec.version', () => {
    expect(releaseOf(resource({ version: 'v2.59.1' }), pinned, NEW)).toMatchObject(NEW);
    expect(releaseOf(resource(), pinned, NEW)).toMatchObject(NEW);
  });

  it('is the offered one with operatorChanges: Immediately', () => {
    const eager = resource({ version: 'v2.57.1', upgrade: { operatorChanges: 'Immediately' } });
    expect(releaseOf(eager, pinned, NEW)).toMatchObject(NEW);
  });

  it('never changes the major version of an existing database', () => {
    const old = { ...pinned, databaseVersion: '16' };
    const eager = resource({ upgrade: { operatorChanges: 'Immediately' } });
    expect(releaseOf(eager, old, NEW).databaseVersion).toBe('16');
  });

  it('has the image and the series of the engine, from the release or the official ones', () => {
    const maria = resource({ database: { managed: { engine: 'MariaDB' } } });
    expect(releaseOf(maria, undefined, OLD)).toEqual({
      stack: 'stack:1',
      database: 'docker.io/library/mariadb',
      databaseVersion: '11.4',
      databaseEngine: 'MariaDB',
    });
    const mysql = resource({ database: { managed: { engine: 'MySQL' } } });
    expect(releaseOf(mysql, undefined, { ...OLD, mysql: 'mirror/mysql' })).toMatchObject({
      database: 'mirror/mysql',
      databaseVersion: '8.4',
    });
  });

  it('takes another engine only where no data is, and keeps the image of the stack then', () => {
    const maria = resource({ version: 'v2.57.1', database: { managed: { engine: 'MariaDB' } } });
    const changed = releaseOf(maria, pinned, NEW);
    expect(changed).toMatchObject({ stack: OLD.stack, databaseEngine: 'MariaDB', databaseVersion: '11.4' });
    expect(releaseOf(maria, changed, NEW)).toBe(changed);
    expect(releaseOf(maria, pinned, NEW, 'PostgreSQL')).toBe(pinned);
    const away = resource({
      version: 'v2.57.1',
      database: { external: { host: 'db', credentialsSecretRef: { name: 'db' }, tls: { mode: 'Disable' } } },
    });
    expect(releaseOf(away, changed, NEW)).toBe(changed);
  });
});
