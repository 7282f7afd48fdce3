import { X509Certificate } from 'node:crypto';
import { Refusal } from '../../wire/protocol.ts';
import { jsonAnswer, relayed, textAnswer } from '../respond.ts';
import { type Route, route } from '../route.ts';
import { certificateProblem } from '../uploadedCertificate.ts';

/** Certificates. Source: docs/onprem/api-admin.md §11. */

const WEBHOOKS = '/v1/certificates/webhooks/ca';

export const certificateRoutes: readonly Route[] = [
  route(
    {
      method: 'POST',
      path: '/v1/certificates/external',
      access: 'admin',
      summary: 'Upload key, certificate and intermediates (PEM); effective after a restart of every Webapp',
      fidelity: 'inferred',
      note: 'a certificate that would keep the Webapp from starting is refused (1009)',
    },
    async ({ request, text }, { store, clock, version }) => {
      const pem = await text();
      const problem = await certificateProblem(pem, clock, request.signal);
      if (problem !== undefined) throw new Refusal(1009, problem);
      await store.setExternalCertificate(pem);
      return jsonAnswer({ status: 200 }, version);
    },
  ),
  route(
    {
      method: 'GET',
      path: '/v1/certificates/external/ca',
      access: 'any',
      summary: 'CA that signed the certificate in use',
      fidelity: 'exact',
    },
    async (_, { caPem }) =>
      textAnswer(caPem, {
        'cache-control': 'public',
        'accept-ranges': 'bytes',
        'content-disposition': 'attachment; filename="ca.pem"',
        ...lastModified(caPem),
      }),
  ),
  route(
    {
      method: 'GET',
      path: WEBHOOKS,
      access: 'admin',
      summary: 'CA bundle of the webhook',
      fidelity: 'exact',
    },
    async (_, { router }) => {
      const { pem } = await router.primary('getWebhookCa', {});
      if (pem === undefined) throw new Refusal(1006, 'No webhook CA certificates found');
      return textAnswer(pem);
    },
  ),
  route(
    {
      method: 'POST',
      path: WEBHOOKS,
      access: 'admin',
      summary: 'Replace that bundle (PEM); effective after a restart of every Coreapp',
      fidelity: 'inferred',
      note: 'the error code for a wrong certificate (1009) is not documented',
    },
    async ({ text }, { router, version }) => {
      await router.primary('setWebhookCa', { pem: await text() });
      return relayed(version);
    },
  ),
  route(
    { method: 'DELETE', path: WEBHOOKS, access: 'admin', summary: 'Remove that bundle', fidelity: 'exact' },
    async (_, { router, version }) => {
      await router.primary('setWebhookCa', {});
      return relayed(version);
    },
  ),
];

/** The file is as old as its certificate. */
function lastModified(pem: string): Record<string, string> {
  if (pem === '') return {};
  return { 'last-modified': new Date(new X509Certificate(pem).validFrom).toUTCString() };
}
