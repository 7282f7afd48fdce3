import { beforeAll, describe, expect, it } from 'vitest';
import { type CertificateSecret, certificateSecret } from '../../../test/support/declared.ts';
import { FakeApplication } from '../../../test/support/fakeApplicationPass.ts';
import { createAuthority } from '../../base/pki/certificates.ts';
import type { KubeObject } from '../../engine/kube/kubeObject.ts';
import { certify, webappNames } from './certificates.ts';

const EXTERNAL = 'POST /v1/certificates/external';
const FROM_SECRET = { tls: { secretRef: { name: 'tls' } } };
const DAY_MS = 86_400_000;

let first: CertificateSecret;
let second: CertificateSecret;
let authority: { 'tls.crt': string; 'tls.key': string };
beforeAll(async () => {
  [first, second] = await Promise.all([certificateSecret('first'), certificateSecret('second')]);
  const pair = await createAuthority({ subject: 'CN=shop' });
  authority = { 'tls.crt': pair.certificatePem, 'tls.key': pair.privateKeyPem };
});

const withCertificate = (tls: Record<string, string>) =>
  new FakeApplication(FROM_SECRET, { secrets: { tls }, journal: { webappCa: 'generated CA\n' } });
const selfSigned = () => {
  const application = new FakeApplication({ tls: { selfSigned: {} } });
  application.ownSecrets = { 'shop-authority': authority };
  return application;
};
const reason = async (application: FakeApplication) => (await certify(application.pass())).reason;

describe('the certificate of the Webapps', () => {
  it('is the one that the stack generated if none is declared, without a call', async () => {
    const application = new FakeApplication();
    expect(await certify(application.pass())).toMatchObject({ status: 'True', reason: 'Generated' });
    expect(application.stack.takeCalls()).toEqual([]);
    expect(application.journals.writes).toBe(0);
  });

  it('is uploaded once, with its key and chain, and takes effect when the Webapps have restarted', async () => {
    const application = withCertificate(first);
    expect(await certify(application.pass())).toMatchObject({
      status: 'False',
      reason: 'RestartingWebapps',
      message: expect.stringContaining('shop-webapp-0'),
    });
    const [[call, file] = []] = application.stack.takeWrites();
    expect(call).toBe(EXTERNAL);
    expect(file).toContain(first['tls.key'].trim());
    expect(String(file).indexOf('PRIVATE KEY')).toBeLessThan(String(file).indexOf('BEGIN CERTIFICATE'));
    expect(application.journal.webappRestarts).toBe(1);

    application.restartPods();
    expect(await reason(application)).toBe('Uploaded');
    expect(application.stack.takeCalls()).toEqual([]);
  });

  it('is trusted together with the old one from before the upload until every Webapp has restarted', async () => {
    const application = withCertificate(first);
    application.stack.failNext(EXTERNAL, { lose: 'before' });
    await expect(certify(application.pass())).rejects.toMatchObject({ code: 'Unreachable' });
    expect(application.journal.webappCa).toBe(`generated CA\n${first['ca.crt']}`);
    expect(webappNames(application.pass()).length).toBeGreaterThan(1);

    await certify(application.pass());
    expect(application.journal.webappCa).toContain('generated CA');
    application.restartPods();
    await certify(application.pass());
    expect(application.journal.webappCa).toBe(first['ca.crt']);
  });

  it('is uploaded again after a lost answer, and the Webapps restart once', async () => {
    const application = withCertificate(first);
    application.stack.failNext(EXTERNAL, { lose: 'after' });
    await expect(certify(application.pass())).rejects.toMatchObject({ code: 'Unreachable' });
    expect(application.journal).toMatchObject({
      webappRestarts: 0,
      certificate: { pending: expect.any(String) },
    });
    await certify(application.pass());
    expect(application.journal.webappRestarts).toBe(1);
    expect(new Set(application.stack.state.certificates).size).toBe(1);
  });

  it('is uploaded again when the Secret returns to the first certificate while the second is pending', async () => {
    const application = withCertificate(first);
    await certify(application.pass());
    application.secrets = { tls: second };
    application.stack.failNext(EXTERNAL, { lose: 'after' });
    await expect(certify(application.pass())).rejects.toMatchObject({ code: 'Unreachable' });
    application.secrets = { tls: first };
    await certify(application.pass());
    expect(application.stack.state.certificates.at(-1)).toContain(first['tls.key'].trim());
  });

  it('is not uploaded when another process has written the journal', async () => {
    const application = withCertificate(first);
    application.journals.failWrite(1, 'conflict');
    await expect(certify(application.pass())).rejects.toMatchObject({ code: 'Conflict' });
    expect(application.stack.takeWrites()).toEqual([]);
  });

  it('triggers no restart when the stack refuses it', async () => {
    const application = withCertificate(first);
    application.stack.failNext(EXTERNAL, { refuse: 1009 });
    await expect(certify(application.pass())).rejects.toMatchObject({ apiCode: 1009 });
    expect(application.journal.webappRestarts).toBe(0);
  });

  it.each([
    [
      'spec.tls.secretRef',
      FROM_SECRET,
      /^Secret tls .*tls\.crt and tls\.key does not exist \(spec\.tls\.secretRef\).*kubernetes\.io\/tls/,
    ],
    [
      'spec.tls.issuerRef',
      { tls: { issuerRef: { name: 'ca', kind: 'Issuer' } } },
      /^Secret shop-tls .*\(spec\.tls\.issuerRef\).*kubectl -n default describe certificate shop-tls/,
    ],
    [
      'spec.tls.selfSigned',
      { tls: { selfSigned: {} } },
      /^Secret shop-authority .*\(spec\.tls\.selfSigned\)/,
    ],
  ])('turns the condition False without its Secret, and names the Secret: %s', async (_, spec, message) => {
    const application = new FakeApplication(spec);
    expect(await certify(application.pass())).toMatchObject({
      status: 'False',
      reason: 'SecretMissing',
      message: expect.stringMatching(message),
    });
    expect(application.stack.takeCalls()).toEqual([]);
  });

  it('says what cert-manager says while it has not issued it', async () => {
    const pass = new FakeApplication({ tls: { issuerRef: { name: 'ca', kind: 'Issuer' } } }).pass();
    const conditions = [
      { type: 'Ready', status: 'False', message: 'Issuing certificate as Secret does not exist' },
      { type: 'Issuing', status: 'False', message: 'The certificate request has failed to complete' },
    ];
    const certificate: KubeObject = {
      apiVersion: 'cert-manager.io/v1',
      kind: 'Certificate',
      metadata: { name: 'shop-tls', namespace: 'default' },
      status: { conditions },
    };
    const children = new Map([['Certificate/shop-tls', certificate]]);
    const { message } = await certify({ ...pass, observed: { ...pass.observed, children } });
    expect(message).toContain(
      'not issued the certificate yet (The certificate request has failed to complete)',
    );
  });

  it('is not uploaded if it would keep the Webapps from starting, and the condition names the Secret', async () => {
    const application = withCertificate({ ...first, 'tls.key': second['tls.key'] });
    expect(await certify(application.pass())).toMatchObject({
      status: 'False',
      reason: 'BadCertificate',
      message: expect.stringMatching(/Secret tls \(spec\.tls\.secretRef\).*private key/),
    });
    expect(application.stack.takeCalls()).toEqual([]);
  });

  it('names the key that the Secret lacks', async () => {
    const application = withCertificate({ 'tls.crt': first['tls.crt'] });
    expect(await certify(application.pass())).toMatchObject({
      reason: 'SecretMissing',
      message: expect.stringMatching(/^Secret tls has no key tls\.key \(spec\.tls\.secretRef\)/),
    });
  });

  it('is remembered by its key, by which a Webapp is known when the certificate has expired', async () => {
    const application = withCertificate(first);
    await certify(application.pass());
    const { served } = application.journal;
    expect(served?.key).toMatch(/^[0-9a-f]{64}$/);
    application.restartPods();
    const { key: _, ...earlier } = served ?? { names: [], notAfter: 0, ca: '', authority: '' };
    application.journals.writeElsewhere((journal) => ({ ...journal, served: earlier }));
    application.journals.sync();
    application.stack.takeCalls();
    await certify(application.pass());
    expect(application.journal.served).toEqual(served);
    expect(application.stack.takeCalls()).toEqual([]);
  });

  it('is not uploaded if it has expired already', async () => {
    const application = withCertificate(first);
    await application.clock.advance(5_000 * DAY_MS);
    expect(await certify(application.pass())).toMatchObject({
      reason: 'BadCertificate',
      message: expect.stringContaining('expired at'),
    });
    expect(application.stack.takeCalls()).toEqual([]);
  });

  it('causes a warning two weeks before it expires, and turns the condition False afterwards', async () => {
    const application = withCertificate(first);
    await certify(application.pass());
    application.restartPods();
    const ends = application.journal.served?.notAfter ?? 0;
    await application.clock.advance(ends - application.clock.now() - 13 * DAY_MS);
    expect(await certify(application.pass())).toMatchObject({ status: 'True', reason: 'Expiring' });
    await application.clock.advance(13 * DAY_MS);
    expect(await certify(application.pass())).toMatchObject({ status: 'False', reason: 'Expired' });
  });

  it('is signed by the authority of the stack once, and again 30 days before it expires', async () => {
    const application = selfSigned();
    await certify(application.pass());
    application.restartPods();
    expect(await reason(application)).toBe('Uploaded');
    expect(application.stack.takeWrites()).toHaveLength(1);

    const ends = application.journal.served?.notAfter ?? 0;
    await application.clock.advance(ends - application.clock.now() - 31 * DAY_MS);
    await certify(application.pass());
    expect(application.stack.takeWrites()).toEqual([]);
    await application.clock.advance(2 * DAY_MS);
    await certify(application.pass());
    expect(application.stack.takeWrites()).toHaveLength(1);
    expect(application.journal.webappRestarts).toBe(2);
  });

  it('is self-signed again after a lost answer, because the operator does not store the first key', async () => {
    const application = selfSigned();
    application.stack.failNext(EXTERNAL, { lose: 'after' });
    await expect(certify(application.pass())).rejects.toMatchObject({ code: 'Unreachable' });
    await certify(application.pass());
    expect(application.stack.state.certificates).toHaveLength(2);
    expect(application.journal).toMatchObject({
      webappRestarts: 1,
      certificate: { applied: expect.any(String) },
    });
  });

  it('stays on the Webapps when spec.tls is removed, and its end is told in time', async () => {
    const application = withCertificate(first);
    await certify(application.pass());
    application.restartPods();
    application.stack.takeCalls();
    application.spec = {};
    const advice = expect.stringContaining('set spec.tls.selfSigned to {}');
    expect(await certify(application.pass())).toMatchObject({
      status: 'True',
      reason: 'Uploaded',
      message: advice,
    });
    const ends = application.journal.served?.notAfter ?? 0;
    await application.clock.advance(ends - application.clock.now() - 13 * DAY_MS);
    expect(await certify(application.pass())).toMatchObject({
      status: 'True',
      reason: 'Expiring',
      message: advice,
    });
    await application.clock.advance(13 * DAY_MS);
    expect(await certify(application.pass())).toMatchObject({
      status: 'False',
      reason: 'Expired',
      message: advice,
    });
    expect(application.stack.takeCalls()).toEqual([]);
  });

  it('keeps the trust in both certificates when spec.tls is removed before the upload is known to be done', async () => {
    const application = withCertificate(first);
    await certify(application.pass());
    application.restartPods();
    await certify(application.pass());
    application.secrets = { tls: second };
    application.stack.failNext(EXTERNAL, { lose: 'after' });
    await expect(certify(application.pass())).rejects.toMatchObject({ code: 'Unreachable' });
    application.spec = {};
    await certify(application.pass());
    expect(application.journal.webappCa).toContain(first['ca.crt'].trim());
    expect(application.journal.webappCa).toContain(second['ca.crt'].trim());
  });
});
