import { CodedError } from '../../base/codedError.ts';
import { issueCertificate } from '../../base/pki/certificates.ts';
import { type ServerCertificate, serverCertificate } from '../../base/pki/inspectCertificate.ts';
import { hashOf } from '../../engine/kube/ownFields.ts';
import { names } from '../plan/facts/names.ts';
import { webappHost } from '../plan/facts/stackSettings.ts';
import { failed, met, unmet, type Verdict } from '../plan/tell/conditions.ts';
import { type ApplicationPass, behind, bringAbout, journalOf, secretValue, updateJournal } from './pass.ts';

const DAY_MS = 86_400_000;
/** Certificates of our own are made for so long, and anew when less than this is left. */
const OWN = { validDays: 90, renewBeforeMs: 30 * DAY_MS } as const;
/** Somebody should know by then. */
const WARN_BEFORE_MS = 14 * DAY_MS;

/** The certificate of the Webapps: the stack's own, one from a Secret, one of cert-manager, or of an authority of ours. */
export async function certify(pass: ApplicationPass): Promise<Verdict<'CertificatesReady'>> {
  const { tls } = pass.observed.resource.spec;
  if (!tls)
    return journalOf(pass).certificate.applied === undefined
      ? met('CertificatesReady', 'Generated', 'the certificate that the stack generated is pinned')
      : met(
          'CertificatesReady',
          'Uploaded',
          'the certificate that was uploaded stays: there is no call that removes it',
        );
  try {
    const wanted = tls.selfSigned ? await ofOwnAuthority(pass) : fromSecret(pass);
    if (wanted) await upload(pass, wanted);
  } catch (error) {
    // Whoever put the wrong thing there must act; the steps after this one need not wait for that.
    if (error instanceof CodedError && ['SecretMissing', 'BadCertificate'].includes(error.code))
      return failed('CertificatesReady', error);
    throw error;
  }
  return judge(pass);
}

/** Names that a Webapp's certificate may bear just now. */
export const webappNames = (pass: Pick<ApplicationPass, 'observed' | 'journals'>): string[] => [
  webappHost(pass.observed.resource),
  ...(journalOf(pass).served?.names ?? []),
];

/** The Secret that holds it. */
function tlsSecretName({ spec, metadata }: ApplicationPass['observed']['resource']): string | undefined {
  return spec.tls?.secretRef?.name ?? (spec.tls?.issuerRef ? names(metadata.name).tlsSecret : undefined);
}

function fromSecret(pass: ApplicationPass): ServerCertificate {
  const { observed } = pass;
  const name = tlsSecretName(observed.resource) ?? '';
  const [chain, key] = ['tls.crt', 'tls.key'].map((entry) => secretValue(observed, { name, key: entry }));
  if (!chain || !key) {
    const way = observed.resource.spec.tls?.issuerRef
      ? 'cert-manager has not made it yet; look at its Certificate of the same name'
      : 'create it with type kubernetes.io/tls';
    throw new CodedError('SecretMissing', `Secret ${name} has no tls.crt and tls.key; ${way}`);
  }
  return serverCertificate({ key, chain, ca: secretValue(observed, { name, key: 'ca.crt' }) });
}

/** A new one where there is none, or it is to end soon; nothing while that in place is good. */
async function ofOwnAuthority(pass: ApplicationPass): Promise<ServerCertificate | undefined> {
  const { observed, nowMs } = pass;
  const name = names(observed.resource.metadata.name).authoritySecret;
  const [certificatePem, privateKeyPem] = ['tls.crt', 'tls.key'].map((key) =>
    secretValue(observed, { name, key }),
  );
  if (!certificatePem || !privateKeyPem)
    throw new CodedError('SecretMissing', `Secret ${name} with the authority is not there yet`);
  const journal = journalOf(pass);
  const isOurs = journal.served?.authority === hashOf(certificatePem);
  const isGood = (journal.served?.notAfter ?? 0) - nowMs > OWN.renewBeforeMs;
  if (isOurs && isGood && journal.certificate.pending === undefined) return undefined;
  const host = webappHost(observed.resource);
  const pair = await issueCertificate(
    { certificatePem, privateKeyPem },
    {
      commonName: host.slice(0, 64),
      hosts: [host, host.replace(/\.svc$/, ''), 'localhost'],
      usage: 'server',
      validDays: OWN.validDays,
    },
  );
  return serverCertificate({ key: pair.privateKeyPem, chain: pair.certificatePem, ca: certificatePem });
}

/** Webapps show the old one and the new one side by side while they restart, so that both are trusted before. */
async function upload(pass: ApplicationPass, wanted: ServerCertificate): Promise<void> {
  const { asAdmin, signal } = pass;
  const hash = hashOf(wanted.file);
  const journal = journalOf(pass);
  // What was applied before another one was begun with may have been replaced by it: there is no call that tells.
  const { applied, pending } = journal.certificate;
  const isInPlace = applied === hash && pending === undefined;
  if (!isInPlace)
    await updateJournal(pass, (current) => ({
      ...current,
      // With it in one write: else a crash right here leaves one trusted that nobody uploads.
      certificate: { ...current.certificate, pending: hash },
      webappCa: trustBoth(current.webappCa, wanted.caPem),
      served: {
        names: [...new Set([...(current.served?.names ?? []), ...wanted.names])],
        notAfter: wanted.notAfter,
        ca: wanted.caPem,
        authority: hashOf(wanted.caPem),
      },
    }));
  await bringAbout(pass, {
    topic: 'certificate',
    hash,
    isInPlace,
    write: () => asAdmin((client, session) => client.certificates.setExternal(session, wanted.file, signal)),
  });
}

const trustBoth = (before: string | undefined, added: string): string =>
  before === undefined || before.includes(added.trim()) ? (before ?? added) : `${before.trim()}\n${added}`;

async function judge(pass: ApplicationPass): Promise<Verdict<'CertificatesReady'>> {
  const waiting = behind(pass, 'webapp');
  if (waiting.length > 0)
    return unmet(
      'CertificatesReady',
      'RestartingWebapps',
      `the certificate takes effect when these have restarted: ${waiting.join(', ')}`,
    );
  const { served, webappCa } = journalOf(pass);
  // Nobody shows the old one any more.
  if (served && webappCa !== served.ca)
    await updateJournal(pass, (journal) => ({ ...journal, webappCa: served.ca }));
  const leftMs = (served?.notAfter ?? 0) - pass.nowMs;
  const ends = new Date(served?.notAfter ?? 0).toISOString();
  if (leftMs <= 0)
    return unmet('CertificatesReady', 'Expired', `the certificate of the Webapps expired at ${ends}`);
  if (leftMs < WARN_BEFORE_MS)
    return met(
      'CertificatesReady',
      'Expiring',
      `the certificate of the Webapps expires at ${ends}; renew it`,
    );
  return met('CertificatesReady', 'Uploaded', `the certificate of the Webapps is good until ${ends}`);
}
