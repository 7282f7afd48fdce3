import { hashOf } from '../../../engine/kube/ownFields.ts';
import type { Journal } from './journal.ts';
import { names } from './names.ts';
import type { Observation } from './observed.ts';
import { secretValue } from './secrets.ts';
import { webappHost } from './stackSettings.ts';

const DAY_MS = 86_400_000;
/** Certificates that the operator signs: how long they are valid, and how long before expiry it renews them. */
export const SELF_SIGNED = { validDays: 90, renewBeforeMs: 30 * DAY_MS } as const;

/** The certificate of the Webapps in the Secret of `tls.secretRef`, or in that of cert-manager. */
export function certificateParts(observed: Observation): {
  readonly name: string;
  readonly field: string;
  readonly chain: string | undefined;
  readonly key: string | undefined;
  readonly ca: string | undefined;
} {
  const { spec, metadata } = observed.resource;
  const name = spec.tls?.secretRef?.name ?? names(metadata.name).tlsSecret;
  const value = (key: string) => secretValue(observed, { name, key });
  return {
    name,
    field: spec.tls?.secretRef ? 'spec.tls.secretRef' : 'spec.tls.issuerRef',
    chain: value('tls.crt'),
    key: value('tls.key'),
    ca: value('ca.crt'),
  };
}

/**
 * A name that the certificate of the Webapps bears. A client that connects to a pod by its address verifies this one. An
 * uploaded certificate need not name the Service.
 */
export function webappCertificateName(
  resource: Observation['resource'],
  journal: Journal | undefined,
): string {
  const host = webappHost(resource);
  const bears = journal?.served?.names ?? [host];
  const [first = host] = bears;
  // A wildcard stands for one label.
  return bears.includes(host) ? host : first.replace(/^\*/, 'webapp');
}

/** Whether the Webapps serve a certificate for these names that this authority (PEM) signed and that need not be renewed. */
export function isSelfSignedGood(
  journal: Journal,
  authorityPem: string,
  exposed: readonly string[],
  nowMs: number,
): boolean {
  const isOurs = journal.served?.authority === hashOf(authorityPem);
  const isGood = (journal.served?.notAfter ?? 0) - nowMs > SELF_SIGNED.renewBeforeMs;
  const hasNames = hashOf(journal.served?.exposed ?? []) === hashOf(exposed);
  return isOurs && isGood && hasNames && journal.certificate.pending === undefined;
}
