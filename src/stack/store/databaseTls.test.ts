import { X509Certificate } from 'node:crypto';
import type { PeerCertificate } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { createAuthority, issueCertificate } from '../../base/pki/certificates.ts';
import { databaseTls, postgresTls } from './databaseTls.ts';

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

  it('verifies as much as WABA_DB_SSL_MODE says, whatever an option says', () => {
    expect(databaseTls({ option: '', mode: 'verify-ca', ...files })?.mode).toBe('verify-ca');
    expect(databaseTls({ option: 'sslmode=require', mode: 'verify-full', ...files })?.mode).toBe(
      'verify-full',
    );
  });

  it.each([
    ['db.example.org', 'DNS:*.example.org', true],
    ['a.db.example.org', 'DNS:*.example.org', false],
    ['example.org', 'DNS:*.example.org', false],
    ['10.0.0.7', 'IP Address:10.0.0.7', true],
    ['10.0.0.7', 'IP Address:10.0.0.8', false],
  ])('takes the server %s with a certificate for %s: %s', (host, subjectaltname, isTaken) => {
    const presented = { subjectaltname, subject: { CN: 'db' } } as PeerCertificate;
    const { checkServerIdentity } = postgresTls({ mode: 'verify-full', ca: 'CA' }, host);
    expect(checkServerIdentity?.('', presented) === undefined).toBe(isTaken);
  });

  it('takes a server by its IPv6 address', async () => {
    const authority = await createAuthority({ subject: 'CN=test CA' });
    const request = { commonName: 'db', hosts: ['fd00::7'], usage: 'server' } as const;
    const { certificatePem } = await issueCertificate(authority, request);
    const presented = new X509Certificate(certificatePem).toLegacyObject();
    const isTaken = (host: string) =>
      postgresTls({ mode: 'verify-full', ca: 'CA' }, host).checkServerIdentity?.('', presented) === undefined;
    expect([isTaken('fd00::7'), isTaken('fd00::8')]).toEqual([true, false]);
  });

  it('refuses to verify the address of a MySQL server, which the driver cannot', () => {
    const to = (engine: 'PGSQL' | 'MYSQL', host: string) =>
      databaseTls({ option: '', mode: 'verify-full', peer: { engine, host }, ...files })?.mode;
    for (const host of ['10.0.0.7', 'fd00::7'])
      expect(() => to('MYSQL', host)).toThrow(/needs a host name in WA_DB_HOSTNAME/);
    expect(to('MYSQL', 'db.example')).toBe('verify-full');
    expect(to('PGSQL', '10.0.0.7')).toBe('verify-full');
  });

  it('needs what it is asked to use', () => {
    const bad = { code: 'BadEnvironment' };
    expect(() => databaseTls({ option: '', cert: 'CERT' })).toThrow(expect.objectContaining(bad));
    expect(() => databaseTls({ option: 'sslmode=verify-full' })).toThrow(expect.objectContaining(bad));
    expect(() => databaseTls({ option: '', mode: 'verify-full' })).toThrow(
      /WABA_DB_SSL_MODE=verify-full needs/,
    );
    expect(() => databaseTls({ option: 'sslmode=sometimes' })).toThrow(expect.objectContaining(bad));
  });
});
