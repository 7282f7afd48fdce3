import type { WhatsAppDeployment } from '../../resource/whatsAppDeployment.ts';

/** Names under which clients see the certificate of the Webapps themselves, besides the name of their Service. */
export const exposedNames = ({ spec }: Pick<WhatsAppDeployment, 'spec'>): readonly string[] =>
  spec.exposure?.tlsRoute?.hostnames ?? [];

/** Whether a certificate with these names is good for a host name, which may be a wildcard itself. */
export const bearsName = (certificate: readonly string[], hostname: string): boolean =>
  certificate.some((name) => name === hostname || name === hostname.replace(/^[^.*]+\./, '*.'));
