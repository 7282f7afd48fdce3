import type { KubeObject } from '../../../engine/kube/kubeObject.ts';
import { API_VERSION, KIND, type WhatsAppDeployment } from '../../resource/whatsAppDeployment.ts';
import { annotations, type Component, names } from '../facts/names.ts';
import { type Child, child } from './child.ts';

const CONTAINER: Component = 'webapp';

/**
 * More Webapps quickly, fewer slowly: the load of a stack comes in bursts, and a Webapp that goes cuts the connections
 * of its clients.
 */
const UP = {
  stabilizationWindowSeconds: 0,
  selectPolicy: 'Max',
  policies: [
    { type: 'Pods', value: 2, periodSeconds: 60 },
    { type: 'Percent', value: 100, periodSeconds: 60 },
  ],
} as const;
const DOWN = {
  selectPolicy: 'Max',
  policies: [{ type: 'Pods', value: 1, periodSeconds: 60 }],
} as const;

/** The HorizontalPodAutoscaler of the Webapps. With the defaults of the API server, so that they are no difference. */
export function autoscaler(resource: WhatsAppDeployment): Child[] {
  const scaling = resource.spec.nodes?.webapp?.autoscaling;
  if (!scaling) return [];
  const { name } = resource.metadata;
  return [
    child(resource, {
      component: 'webapp',
      identity: {
        apiVersion: 'autoscaling/v2',
        kind: 'HorizontalPodAutoscaler',
        name: names(name).autoscaler,
      },
      inputs: { stack: name, deployment: names(name).webapp, scaling },
      render: ({ stack, deployment, scaling: given }) => ({
        spec: {
          scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: deployment },
          minReplicas: given.minReplicas,
          maxReplicas: given.maxReplicas,
          metrics: [cpu(given.targetCPUUtilizationPercentage), ...requests(stack, given.requestsPerSecond)],
          behavior: {
            scaleUp: UP,
            scaleDown: { ...DOWN, stabilizationWindowSeconds: given.scaleDownStabilizationSeconds },
          },
        },
      }),
    }),
  ];
}

/** Of the container alone: one that somebody adds, or that a service mesh injects, may request no CPU. */
const cpu = (averageUtilization: number) => ({
  type: 'ContainerResource',
  containerResource: {
    name: 'cpu',
    container: CONTAINER,
    target: { type: 'Utilization', averageUtilization },
  },
});

type Scaling = NonNullable<
  NonNullable<NonNullable<WhatsAppDeployment['spec']['nodes']>['webapp']>['autoscaling']
>;

const requests = (stack: string, metric: Scaling['requestsPerSecond']) =>
  metric
    ? [
        {
          type: 'Object',
          object: {
            describedObject: { apiVersion: API_VERSION, kind: KIND, name: stack },
            metric: { name: metric.metricName },
            target: { type: 'AverageValue', averageValue: String(metric.averageValue) },
          },
        },
      ]
    : [];

const MARK = 'HorizontalPodAutoscaler';

/** Whether an object leaves its number of pods to the autoscaler. */
export const isLeftToAutoscaler = ({ metadata }: KubeObject): boolean =>
  metadata.annotations?.[annotations.replicasBy] === MARK;

/** The Deployment without a number of pods of its own. */
export function leftToAutoscaler(deployment: Child): Child {
  const { metadata, spec, ...rest } = deployment.object;
  const { replicas: _, ...others } = spec as { readonly replicas?: number };
  const marks = { ...metadata.annotations, [annotations.replicasBy]: MARK };
  return {
    ...deployment,
    earlier: deployment.earlier && leftToAutoscaler(deployment.earlier),
    object: { ...rest, metadata: { ...metadata, annotations: marks }, spec: others },
  };
}
