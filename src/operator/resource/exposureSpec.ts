import * as z from 'zod';
import { described, objectName, text, withRules } from './fields.ts';
import { annotationMap } from './podTemplateSpec.ts';

/** How the HTTPS API is reached from outside the cluster. */

const HOSTNAME = /^(\*\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
/** Below `/v1`: what else a Webapp serves, such as its metrics, stays inside. */
const API_PATH = /^\/v1(\/[A-Za-z0-9_][-A-Za-z0-9._~]*)*$/;

export const hostnames = (description: string) =>
  described(description, z.array(z.string().min(1).max(253).regex(HOSTNAME)).min(1).max(16));

const paths = described(
  'Paths of the API that go out, each with what is below it, such as `/v1/messages`.',
  z.array(z.string().min(3).max(253).regex(API_PATH)).min(1).max(8),
).default(['/v1']);

export const parents = described(
  'The Gateways that the route attaches to.',
  z
    .array(
      z.object({
        name: objectName('Name of the Gateway.'),
        namespace: objectName('Namespace of the Gateway. Default: that of the resource.').optional(),
        sectionName: text(253, 'Name of a listener. Default: all that take the route.').optional(),
        port: described('Port of a listener.', z.int().min(1).max(65_535)).optional(),
      }),
    )
    .min(1)
    .max(8),
);

/** Text that some controllers put into their configuration as it is. */
const SNIPPET = '-snippet';
export const ingressAnnotations = (description: string) =>
  annotationMap(description, [
    {
      cel: `self.all(key, !key.endsWith('${SNIPPET}'))`,
      message: `an annotation of the Ingress must not end with ${SNIPPET}: it would write the configuration of the controller`,
      check: (map) => Object.keys(map).every((key) => !key.endsWith(SNIPPET)),
    },
  ]);

const CHOICES = ['httpRoute', 'tlsRoute', 'ingress'] as const;

export const exposureSpec = described(
  'Access to the HTTPS API from outside the cluster. Set exactly one field.',
  withRules(
    z.object({
      httpRoute: described(
        'An HTTPRoute: the Gateway ends the TLS of the clients, and connects to the Webapps by TLS with their CA (BackendTLSPolicy). Needs the Gateway API 1.4 or later.',
        z.object({
          parents,
          hostnames: hostnames('Host names of the API. Default: those of the listeners.').optional(),
          paths,
        }),
      ).optional(),
      tlsRoute: described(
        'A TLSRoute: the Gateway passes TLS through, so that clients see the certificate of `tls`. It sees no paths, so all that a Webapp serves goes out, also `/metrics`, which asks for the API key or a token. Needs the Gateway API 1.5 or later.',
        z.object({
          parents,
          hostnames: hostnames('Host names of the API, which the certificate of the Webapps bears.'),
        }),
      ).optional(),
      ingress: described(
        'An Ingress. Its controller must connect to the Webapps by HTTPS: see `annotations`.',
        z.object({
          className: objectName(
            'Name of the IngressClass. Default: the default class of the cluster.',
          ).optional(),
          hostnames: hostnames('Host names of the API.'),
          paths,
          annotations: ingressAnnotations(
            'Annotations of the Ingress, by which its controller learns that the Webapps speak HTTPS.',
          ).optional(),
          tlsSecretName: objectName(
            'Secret of type kubernetes.io/tls, in the same namespace, with the certificate for the host names. Only the controller of the Ingress reads it.',
          ).optional(),
        }),
      ).optional(),
    }),
    [
      {
        cel: `[${CHOICES.map((name) => `has(self.${name})`).join(', ')}].filter(set, set).size() == 1`,
        message: `set exactly one of ${CHOICES.map((name) => `exposure.${name}`).join(', ')}`,
        check: (exposure) => CHOICES.filter((name) => exposure[name] !== undefined).length === 1,
      },
    ],
  ),
);
