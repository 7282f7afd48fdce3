import { describe, expect, it } from 'vitest';
import { whatsAppDeployment } from '../../../../test/support/whatsAppDeployment.ts';
import { releaseOf } from './release.ts';

const OLD = { stack: 'stack:1', database: 'postgres' };
const NEW = { stack: 'stack:2', database: 'postgres-of-ours' };

describe('the release that a stack runs', () => {
  const resource = (spec: object = {}) => whatsAppDeployment({ spec });
  const pinned = releaseOf(resource({ version: 'v2.57.1' }), undefined, OLD);

  it('is the one on offer when the stack begins', () => {
    expect(pinned).toEqual({ version: 'v2.57.1', ...OLD, databaseVersion: '18' });
  });

  it('stays what it was when a new operator offers another one', () => {
    expect(releaseOf(resource({ version: 'v2.57.1' }), pinned, NEW)).toBe(pinned);
  });

  it('is the one on offer once the user changes the version', () => {
    expect(releaseOf(resource({ version: 'v2.59.1' }), pinned, NEW)).toMatchObject(NEW);
    expect(releaseOf(resource(), pinned, NEW)).toMatchObject(NEW);
  });

  it('is the one on offer where changes of the operator are wanted immediately', () => {
    const eager = resource({ version: 'v2.57.1', upgrade: { operatorChanges: 'Immediately' } });
    expect(releaseOf(eager, pinned, NEW)).toMatchObject(NEW);
  });

  it('never brings another major version to a database that has files', () => {
    const old = { ...pinned, databaseVersion: '16' };
    const eager = resource({ upgrade: { operatorChanges: 'Immediately' } });
    expect(releaseOf(eager, old, NEW).databaseVersion).toBe('16');
  });
});
