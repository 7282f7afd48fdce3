import { describe, expect, it } from 'vitest';
import { compareVersions, mayRunOn, schemaOf } from './clientVersion.ts';

describe('client versions', () => {
  it('are compared as numbers, with or without a v', () => {
    expect(compareVersions('v2.9.0', '2.57.1')).toBeLessThan(0);
    expect(compareVersions('v2.57.10', 'v2.57.9')).toBeGreaterThan(0);
    expect(compareVersions('2.57.1', 'v2.57.1')).toBe(0);
    expect(compareVersions('v2.57', 'v2.57.0')).toBe(0);
    expect(compareVersions('latest', 'v0.0.1')).toBeLessThan(0);
  });

  it('share a schema with the patches of their minor version', () => {
    expect(['v2.57.1', '2.57.12', 'v2.57'].map(schemaOf)).toEqual(['v2.57', 'v2.57', 'v2.57']);
    expect(schemaOf('v2.59.0')).toBe('v2.59');
  });

  it('run on what a patch of the same minor or an older one has made, and on nothing newer', () => {
    expect(mayRunOn('v2.57.1', 'v2.57.4')).toBe(true);
    expect(mayRunOn('v2.59.0', 'v2.57.1')).toBe(true);
    expect(mayRunOn('v2.57.9', 'v2.59.0')).toBe(false);
  });
});
