import { describe, expect, it } from 'vitest';
import { createAuthority, issueCertificate } from './certificates.ts';
import { serverCertificate } from './inspectCertificate.ts';

const authority = await createAuthority({ subject: 'CN=shop CA' });
const other = await createAuthority({ subject: 'CN=other CA' });
const pair = await issueCertificate(authority, {
  commonName: 'shop',
  hosts: ['shop.test', '127.0.0.1'],
  usage: 'server',
});
const ca = authority.certificatePem;
const bad = (problem: RegExp) =>
  expect.objectContaining({ code: 'BadCertificate', message: expect.stringMatching(problem) });

describe('a certificate for the Webapps', () => {
  it('is put into the order that the stack wants, with what is known of it', () => {
    const made = serverCertificate({ key: pair.privateKeyPem, chain: pair.certificatePem + ca });
    expect(made.file.match(/BEGIN [A-Z ]+/g)).toEqual([
      'BEGIN PRIVATE KEY',
      'BEGIN CERTIFICATE',
      'BEGIN CERTIFICATE',
    ]);
    expect(made.names).toEqual(['shop.test']);
    expect(made.notAfter).toBeGreaterThan(Date.now());
    expect(made.caPem.trim()).toBe(ca.trim());
    expect(serverCertificate({ key: pair.privateKeyPem, chain: pair.certificatePem, ca }).file).toBe(
      made.file,
    );
  });

  it('is refused where it would keep them from starting', () => {
    const { privateKeyPem: key, certificatePem: chain } = pair;
    expect(() => serverCertificate({ key, chain })).toThrow(bad(/no intermediate/));
    expect(() => serverCertificate({ key: 'x', chain: chain + ca })).toThrow(
      bad(/private key can not be read/),
    );
    expect(() => serverCertificate({ key: other.privateKeyPem, chain: chain + ca })).toThrow(
      bad(/not that of/),
    );
    expect(() => serverCertificate({ key, chain: chain + other.certificatePem })).toThrow(
      bad(/not in order/),
    );
    expect(() => serverCertificate({ key, chain: '' })).toThrow(bad(/no certificate/));
  });
});
