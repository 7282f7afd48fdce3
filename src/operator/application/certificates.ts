import { issueCertificate } from '../../base/pki/certificates.ts';
import { type ServerCertificate, serverCertificate } from '../../base/pki/inspectCertificate.ts';
import type { KubeObject } from '../../engine/kube/kubeObject.ts';
import { hashOf } from '../../engine/kube/ownFields.ts';
import { exposedNames } from '../plan/facts/exposedNames.ts';
import { names } from '../plan/facts/names.ts';
import { secretExists, secretValue } from '../plan/facts/secrets.ts';
import { webappHost } from '../plan/facts/stackSettings.ts';
import { certificateParts, isSelfSignedGood, SELF_SIGNED } from '../plan/facts/webappCertificate.ts';
import { failed, met, unmet, type Verdict } from '../plan/tell/conditions.ts';
import { ApplicationError } from './applicationError.ts';
import { type ApplicationPass, behind, bringAbout, journalOf, updateJournal } from './pass.ts';

const DAY_MS = 86_400_000;
/** How long before a certificate expires the condition warns. */
const WARN_BEFORE_MS = 14 * DAY_MS;

/**
 * The certificate of the Webapps: the one that the stack generated, one from a Secret or from cert-manager, or one that
 * the operator signs with an authority of the stack.
 */
export async function certify(pass: ApplicationPass): Promise<Verdict<'CertificatesReady'>> {
  const { tls } = pass.observed.resource.spec;
  // The API has no call that removes an uploaded certificate, so without spec.tls the Webapps keep the last one.
  if (!tls)
    return journalOf(pass).certificate.applied === undefined
      ? met('CertificatesReady', 'Generated', 'the certificate that the stack generated is pinned')
      : judge(pass);
  try {
    const wanted = tls.selfSigned ? await selfSigned(pass) : fromSecret(pass);
    if (wanted) await upload(pass, wanted);
  } catch (error) {
    // A user must correct the Secret; the steps after this one do not depend on it.
    if (
      error instanceof ApplicationError &&
      (error.code === 'SecretMissing' || error.code === 'BadCertificate')
    )
      return failed('CertificatesReady', error);
    throw error;
  }
  return judge(pass);
}

/** Names that the certificate of a Webapp may have now. */
export const webappNames = (pass: Pick<ApplicationPass, 'observed' | 'journals'>): string[] => [
  webappHost(pass.observed.resource),
  ...(journalOf(pass).served?.names ?? []),
];

type Issued = KubeObject & {
  readonly status?: {
    readonly conditions?: readonly {
      readonly type: string;
      readonly status: string;
      readonly message?: string;
    }[];
  };
};

/** What cert-manager says about a certificate that it has not issued: that it failed, or why it is not ready. */
function whyNotIssued({ children }: ApplicationPass['observed'], name: string): string {
  const { conditions = [] } = (children.get(`Certificate/${name}`) as Issued | undefined)?.status ?? {};
  const find = (type: string) => conditions.find((one) => one.type === type && one.status === 'False');
  const { message } = find('Issuing') ?? find('Ready') ?? {};
  return message === undefined ? '' : ` (${message})`;
}

/** @throws ApplicationError `SecretMissing`, `BadCertificate` */
function fromSecret({ observed }: ApplicationPass): ServerCertificate {
  const { spec, metadata } = observed.resource;
  const { namespace } = metadata;
  const { name, field, chain, key, ca } = certificateParts(observed);
  if (!chain || !key) {
    if (secretExists(observed, name)) {
      const absent = [chain ? [] : ['tls.crt'], key ? [] : ['tls.key']].flat().join(' and ');
      throw new ApplicationError(
        'SecretMissing',
        `Secret ${name} has no key ${absent} (${field}); add what is missing`,
      );
    }
    const fix = spec.tls?.secretRef
      ? 'create it with type kubernetes.io/tls'
      : `cert-manager has not issued the certificate yet${whyNotIssued(observed, name)}; run kubectl -n ${namespace} describe certificate ${name}`;
    throw new ApplicationError(
      'SecretMissing',
      `Secret ${name} with the keys tls.crt and tls.key does not exist (${field}); ${fix}`,
    );
  }
  try {
    return serverCertificate({ key, chain, ca });
  } catch (cause) {
    throw new ApplicationError(
      'BadCertificate',
      `the certificate in Secret ${name} (${field}) cannot be uploaded`,
      { cause },
    );
  }
}

/** A new certificate signed by the stack's authority; undefined if the current one need not be renewed. */
async function selfSigned(pass: ApplicationPass): Promise<ServerCertificate | undefined> {
  const { observed, nowMs } = pass;
  const name = names(observed.resource.metadata.name).authoritySecret;
  const [certificatePem, privateKeyPem] = ['tls.crt', 'tls.key'].map((key) =>
    secretValue(observed, { name, key }),
  );
  if (!certificatePem?.trim() || !privateKeyPem?.trim())
    throw new ApplicationError(
      'SecretMissing',
      secretExists(observed, name)
        ? `Secret ${name} lacks tls.crt or tls.key of the authority (spec.tls.selfSigned); the condition DatabaseReady says how to put it back`
        : `Secret ${name} with the authority does not exist yet (spec.tls.selfSigned); the operator creates it`,
    );
  const exposed = exposedNames(observed.resource);
  if (isSelfSignedGood(journalOf(pass), certificatePem, exposed, nowMs)) return undefined;
  const host = webappHost(observed.resource);
  const pair = await issueCertificate(
    { certificatePem, privateKeyPem },
    {
      commonName: host.slice(0, 64),
      hosts: [host, host.replace(/\.svc$/, ''), 'localhost', ...exposed],
      usage: 'server',
      validDays: SELF_SIGNED.validDays,
    },
  );
  return serverCertificate({ key: pair.privateKeyPem, chain: pair.certificatePem, ca: certificatePem });
}

/** While Webapps restart, some present the old certificate and some the new one, so both are trusted before the upload. */
async function upload(pass: ApplicationPass, wanted: ServerCertificate): Promise<void> {
  const { asAdmin, signal } = pass;
  const hash = hashOf(wanted.file);
  const exposed = exposedNames(pass.observed.resource).filter((name) => wanted.names.includes(name));
  const journal = journalOf(pass);
  // A pending upload may have replaced the applied certificate; the API has no call that shows it.
  const { applied, pending } = journal.certificate;
  const isInPlace = applied === hash && pending === undefined;
  if (!isInPlace && wanted.notAfter <= pass.nowMs)
    throw new ApplicationError(
      'BadCertificate',
      `the new certificate for the Webapps expired at ${new Date(wanted.notAfter).toISOString()}; ${renewal(pass)}`,
    );
  // A journal of an earlier operator version does not hold it.
  if (isInPlace && journal.served && journal.served.key === undefined)
    await updateJournal(pass, ({ served, ...current }) => ({
      ...current,
      ...(served ? { served: { ...served, key: wanted.keyHash } } : {}),
    }));
  if (!isInPlace)
    await updateJournal(pass, (current) => ({
      ...current,
      // One write: after a crash between two, the operator would trust a certificate that it never uploads.
      certificate: { ...current.certificate, pending: hash },
      webappCa: trustBoth(current.webappCa, wanted.caPem),
      served: {
        names: [...new Set([...(current.served?.names ?? []), ...wanted.names])],
        notAfter: wanted.notAfter,
        ca: wanted.caPem,
        authority: hashOf(wanted.caPem),
        key: wanted.keyHash,
        ...(exposed.length > 0 ? { exposed } : {}),
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

/** How the user gets a new certificate onto the Webapps. */
function renewal({ observed: { resource } }: ApplicationPass): string {
  const { tls } = resource.spec;
  if (tls?.secretRef) return `put a new certificate into Secret ${tls.secretRef.name} (spec.tls.secretRef)`;
  if (!tls)
    return 'spec.tls is gone, and the API has no call that removes the certificate: set spec.tls.selfSigned to {}, and the operator uploads one that it renews';
  return tls.issuerRef
    ? `cert-manager has not renewed it; run kubectl describe certificate ${names(resource.metadata.name).tlsSecret}`
    : 'the operator renews it';
}

async function judge(pass: ApplicationPass): Promise<Verdict<'CertificatesReady'>> {
  const waiting = behind(pass, 'webapp');
  if (waiting.length > 0)
    return unmet(
      'CertificatesReady',
      'RestartingWebapps',
      `the certificate takes effect when the Webapps have restarted; still to restart: ${waiting.join(', ')}`,
    );
  const { served, webappCa, certificate } = journalOf(pass);
  // No Webapp presents the old certificate any longer, unless spec.tls was removed in the middle of an upload.
  if (served && webappCa !== served.ca && certificate.pending === undefined)
    await updateJournal(pass, (journal) => ({ ...journal, webappCa: served.ca }));
  const leftMs = (served?.notAfter ?? 0) - pass.nowMs;
  const ends = new Date(served?.notAfter ?? 0).toISOString();
  if (leftMs <= 0)
    return unmet(
      'CertificatesReady',
      'Expired',
      `the certificate of the Webapps expired at ${ends}; ${renewal(pass)}`,
    );
  if (leftMs < WARN_BEFORE_MS)
    return met(
      'CertificatesReady',
      'Expiring',
      `the certificate of the Webapps expires at ${ends}; ${renewal(pass)}`,
    );
  const kept = pass.observed.resource.spec.tls ? '' : `; ${renewal(pass)}`;
  return met('CertificatesReady', 'Uploaded', `the certificate of the Webapps is valid until ${ends}${kept}`);
}
