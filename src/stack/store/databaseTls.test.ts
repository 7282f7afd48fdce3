import { describe, expect, it } from 'vitest';
import { databaseTls } from './databaseTls.ts';

const files = { ca: 'CA', cert: undefined, key: undefined };

describe('the TLS of a database connection', () => {
  it('is off without any variable, and where an option says so', () => {
    expect(databaseTls({ option: '' })).toBeUndefined();
    expect(databaseTls({ option: 'sslmode=disable', ...files })).toBeUndefined();
  });

  it('verifies everything with a CA, unless an option asks for less', () => {
    expect(databaseTls({ option: '', ...files })?.mode).toBe('verify-full');
    expect(databaseTls({ option: 'connect_timeout=5 sslmode=verify-ca', ...files })?.mode).toBe('verify-ca');
    expect(databaseTls({ option: 'ssl-mode=REQUIRED' })).toMatchObject({ mode: 'require', ca: undefined });
  });

  it('needs what it is asked to use', () => {
    const bad = { code: 'BadEnvironment' };
    expect(() => databaseTls({ option: '', cert: 'CERT' })).toThrow(expect.objectContaining(bad));
    expect(() => databaseTls({ option: 'sslmode=verify-full' })).toThrow(expect.objectContaining(bad));
    expect(() => databaseTls({ option: 'sslmode=sometimes' })).toThrow(expect.objectContaining(bad));
  });
});
