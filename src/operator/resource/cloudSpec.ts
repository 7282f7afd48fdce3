import * as z from 'zod';
import { GRAPH_VERSION } from '../../cloud/graphVersions.ts';
import { hostnames, ingressAnnotations, parents } from './exposureSpec.ts';
import { described, objectName, resources, secretKeyRef, withRules } from './fields.ts';
import { OWN_GATEWAY_VOLUMES, podTemplateOf } from './podTemplateSpec.ts';
import { storageSpec } from './storageSpec.ts';
import { storageClassRule } from './volumeRules.ts';
import { HTTPS_URL } from './webAddress.ts';

/** What stands behind a stack of `stack: Cloud`: the vendor's Cloud API, and the gateway that the operator runs. */

const ID = /^[0-9]{5,20}$/;
const id = (description: string) => described(description, z.string().min(5).max(20).regex(ID));

/** Where the Cloud API posts. The gateway takes it at the end of the path, so that stacks can share a host name. */
const WEBHOOK_PATH = /^(\/[A-Za-z0-9_][-A-Za-z0-9._~]*)*\/webhook$/;
const path = described(
  'Path that leads to the webhook port, such as `/shop/webhook`. It ends with `/webhook`.',
  z.string().min(8).max(253).regex(WEBHOOK_PATH),
).default('/webhook');

const httpsUrl = new RegExp(HTTPS_URL);
const graphUrl = /^https?:\/\/[^\s/?#@]+$/;

const webhook = described(
  'Where the Cloud API reaches the gateway from the Internet: the operator makes the way in (`httpRoute` or `ingress`), or you do, and say where it is (`url`). Set exactly one field. Without `webhook`, somebody subscribes by hand.',
  withRules(
    z.object({
      url: described(
        'URL that leads to port 9092 of the Service NAME-gateway, through a proxy of yours with a public certificate.',
        withRules(z.string().min(1).max(2_048), [
          {
            cel: `self.matches(r'${HTTPS_URL}') && self.matches(r'^[^?#]*/webhook$')`,
            message:
              'cloud.webhook.url must be an https:// URL whose path ends with /webhook, such as https://hooks.example.com/webhook',
            check: (url) => httpsUrl.test(url) && /^[^?#]*\/webhook$/.test(url),
          },
        ]),
      ).optional(),
      httpRoute: described(
        'An HTTPRoute. The Gateway ends TLS with a public certificate, and connects to the gateway by HTTP. Needs the Gateway API.',
        z.object({
          parents,
          hostnames: hostnames('Host names of the webhook. The first one is subscribed.'),
          path,
        }),
      ).optional(),
      ingress: described(
        'An Ingress, whose controller ends TLS with a public certificate.',
        z.object({
          className: objectName(
            'Name of the IngressClass. Default: the default class of the cluster.',
          ).optional(),
          hostnames: hostnames('Host names of the webhook. The first one is subscribed.'),
          path,
          annotations: ingressAnnotations('Annotations of the Ingress.').optional(),
          tlsSecretName: objectName(
            'Secret of type kubernetes.io/tls, in the same namespace, with the certificate for the host names. Only the controller of the Ingress reads it.',
          ).optional(),
        }),
      ).optional(),
    }),
    [
      {
        cel: '[has(self.url), has(self.httpRoute), has(self.ingress)].filter(set, set).size() == 1',
        message: 'set exactly one of cloud.webhook.url, cloud.webhook.httpRoute, cloud.webhook.ingress',
        check: ({ url, httpRoute, ingress }) =>
          [url, httpRoute, ingress].filter((choice) => choice !== undefined).length === 1,
      },
      {
        // A wildcard is no address to post to.
        cel: "(!has(self.httpRoute) || !self.httpRoute.hostnames[0].startsWith('*')) && (!has(self.ingress) || !self.ingress.hostnames[0].startsWith('*'))",
        message: 'the first of cloud.webhook hostnames is subscribed, so it must not be a wildcard',
        check: ({ httpRoute, ingress }) =>
          [httpRoute, ingress].every((choice) => !choice?.hostnames[0]?.startsWith('*')),
      },
    ],
  ),
);

const GATEWAY_STORAGE = 'cloud.gateway.storage';
const storageClassOf = (self: string) =>
  `(has(${self}.storage) && has(${self}.storage.storageClassName) ? ${self}.storage.storageClassName : '')`;

const gateway = described(
  'The gateway process: one pod, because only one may write its journal.',
  withRules(
    z.object({
      storage: described(
        'PersistentVolumeClaim of the journal, and of media on their way.',
        storageSpec('1Gi'),
      ).optional(),
      resources: resources.optional(),
      podTemplate: podTemplateOf(OWN_GATEWAY_VOLUMES).optional(),
    }),
    [storageClassRule(GATEWAY_STORAGE, storageClassOf)],
  ),
);

export const cloudSpec = described(
  'The Cloud API behind a stack of `stack: Cloud`.',
  z.object({
    phoneNumberId: id('Phone number id, from WhatsApp Manager. It must be that of `phoneNumber`.'),
    businessAccountId: id('Id of the WhatsApp Business Account that has the number, from WhatsApp Manager.'),
    accessTokenSecretRef: secretKeyRef(
      'accessToken',
      'Access token of a system user with whatsapp_business_messaging and whatsapp_business_management. The gateway takes a changed one without a restart.',
    ),
    appSecretRef: secretKeyRef(
      'appSecret',
      'App secret, by which webhooks are signed. The gateway takes a changed one without a restart.',
    ),
    verifyTokenSecretRef: secretKeyRef(
      'verifyToken',
      'Token with which the Cloud API verifies the subscription. Without it, the operator generates one.',
    ).optional(),
    graphVersion: described(
      'Version of the Graph API. The condition BuildCurrent tells when it ends.',
      z
        .string()
        .min(4)
        .max(8)
        .regex(/^v[0-9]+\.[0-9]+$/),
    ).default(GRAPH_VERSION),
    graphUrl: described(
      'URL of the Graph API without a path; another one is for a simulated Cloud API.',
      z.string().min(8).max(253).regex(graphUrl),
    ).default('https://graph.facebook.com'),
    identity: described(
      'What clients of `/v1` see of a person without a visible number: Omit leaves `from` out, BsuidInFrom puts the business-scoped id there, RequestContact asks the person for the number.',
      z.enum(['Omit', 'BsuidInFrom', 'RequestContact']),
    ).default('Omit'),
    throughput: described(
      'Messages per second that the gateway sends at most. Default: what the Cloud API tells of the number.',
      z.int().min(1).max(1_000),
    ).optional(),
    webhook: webhook.optional(),
    gateway: gateway.optional(),
  }),
);
