import type { KubeObject } from '../../src/engine/kube/kubeObject.ts';

/** The kinds of other operators, without these operators: the part of their schemas that a stack uses, with its merge types. */

const TEXT = { type: 'string' };
const TEXTS = { type: 'array', items: TEXT };
const fields = (properties: object, more: object = {}) => ({ type: 'object', properties, ...more });

const PROTOCOL = { type: 'string', enum: ['http', 'https'] };
const SECRET_KEY = fields(
  { name: TEXT, key: TEXT },
  { 'x-kubernetes-map-type': 'atomic', required: ['key'] },
);

const podMonitorSpec = fields(
  {
    selector: fields(
      { matchLabels: { type: 'object', additionalProperties: TEXT } },
      { 'x-kubernetes-map-type': 'atomic' },
    ),
    podMetricsEndpoints: {
      type: 'array',
      items: fields({
        port: TEXT,
        scheme: PROTOCOL,
        path: TEXT,
        params: { type: 'object', additionalProperties: TEXTS },
        authorization: fields({ type: TEXT, credentials: SECRET_KEY }),
        tlsConfig: fields({ serverName: TEXT, ca: fields({ secret: SECRET_KEY }) }),
      }),
    },
  },
  { required: ['selector'] },
);

const certificateSpec = fields(
  {
    secretName: TEXT,
    dnsNames: TEXTS,
    usages: TEXTS,
    issuerRef: fields({ name: TEXT, kind: TEXT, group: TEXT }, { required: ['name'] }),
  },
  { required: ['secretName', 'issuerRef'] },
);

const definition = (group: string, kind: string, spec: object): KubeObject => {
  const plural = `${kind.toLowerCase()}s`;
  const schema = {
    openAPIV3Schema: fields({
      spec,
      status: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
    }),
  };
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${group}` },
    spec: {
      group,
      scope: 'Namespaced',
      names: { kind, plural, singular: kind.toLowerCase() },
      versions: [{ name: 'v1', served: true, storage: true, schema, subresources: { status: {} } }],
    },
  };
};

export const podMonitorDefinition = definition('monitoring.coreos.com', 'PodMonitor', podMonitorSpec);
export const certificateDefinition = definition('cert-manager.io', 'Certificate', certificateSpec);
