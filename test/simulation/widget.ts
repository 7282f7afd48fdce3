import type { KubeObject, ResourceKind } from '../../src/engine/kube/kubeObject.ts';
import { serveCustomResource } from '../../src/engine/simulation/schemas.ts';

/** A custom resource for tests of the engine; its definition is `WIDGET_DEFINITION`. */
export const WidgetKind: ResourceKind = {
  apiVersion: 'test.example.org/v1',
  kind: 'Widget',
  plural: 'widgets',
  namespaced: true,
};

export const WIDGET_DEFINITION: KubeObject = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'widgets.test.example.org' },
  spec: {
    group: 'test.example.org',
    names: { kind: 'Widget', plural: 'widgets', singular: 'widget', listKind: 'WidgetList' },
    scope: 'Namespaced',
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        subresources: { status: {} },
        schema: {
          openAPIV3Schema: {
            type: 'object',
            properties: {
              spec: {
                type: 'object',
                properties: {
                  size: { type: 'integer' },
                  colour: { type: 'string' },
                  tags: { type: 'array', items: { type: 'string' }, 'x-kubernetes-list-type': 'atomic' },
                  parts: {
                    type: 'array',
                    'x-kubernetes-list-type': 'map',
                    'x-kubernetes-list-map-keys': ['name'],
                    items: {
                      type: 'object',
                      required: ['name'],
                      properties: { name: { type: 'string' }, count: { type: 'integer' } },
                    },
                  },
                },
              },
              status: { type: 'object', properties: { phase: { type: 'string' } } },
            },
          },
        },
      },
    ],
  },
};

serveCustomResource(WidgetKind, { 'spec.tags': 'atomic', 'spec.parts': { keys: ['name'] } });
