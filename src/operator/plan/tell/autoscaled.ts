import type { KubeObject } from '../../../engine/kube/kubeObject.ts';
import type { WhatsAppDeploymentStatus } from '../../resource/status.ts';
import { names } from '../facts/names.ts';
import { isServing, type Observation } from '../facts/observed.ts';
import { met, unmet, type Verdict } from './conditions.ts';
import { troubleOf } from './troubles.ts';
import { toldBy } from './workloadChecks.ts';

/** What the HorizontalPodAutoscaler of the Webapps says, in its own words. */

interface Told {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
}
type Autoscaler = KubeObject & {
  readonly status?: {
    readonly currentReplicas?: number;
    readonly desiredReplicas?: number;
    readonly conditions?: readonly Told[];
  };
};
type Seen = Pick<Observation, 'resource' | 'children'>;

const autoscalerOf = ({ resource, children }: Seen): Autoscaler | undefined =>
  children.get(`HorizontalPodAutoscaler/${names(resource.metadata.name).autoscaler}`) as
    | Autoscaler
    | undefined;

/** How many Webapps there are and shall be; undefined without autoscaling. */
export function scaleOfWebapps(observed: Seen): WhatsAppDeploymentStatus['autoscaling'] {
  const { resource, children } = observed;
  const scaling = resource.spec.nodes?.webapp?.autoscaling;
  if (!scaling) return undefined;
  const live = children.get(`Deployment/${names(resource.metadata.name).webapp}`);
  const { replicas } = (live?.spec ?? {}) as { readonly replicas?: number };
  return {
    current: autoscalerOf(observed)?.status?.currentReplicas ?? 0,
    // What is carried out: the wish of the autoscaler reaches the Deployment at once, and others may change it too.
    desired: replicas ?? scaling.minReplicas,
    min: scaling.minReplicas,
    max: scaling.maxReplicas,
  };
}

export function autoscaled(observed: Observation & { readonly nowMs: number }): Verdict<'Autoscaled'> {
  const { resource } = observed;
  const scale = scaleOfWebapps(observed);
  if (!scale) return met('Autoscaled', 'NotConfigured', 'spec.nodes.webapp.autoscaling is not set');
  if (resource.spec.hibernated)
    return met('Autoscaled', 'Hibernated', 'no Webapp runs while the stack hibernates');
  const found = autoscalerOf(observed);
  const what = `HorizontalPodAutoscaler ${names(resource.metadata.name).autoscaler}`;
  if (!found) return unmet('Autoscaled', 'ScalingPending', `the operator creates ${what}`);
  const told = (type: string, status: string) =>
    found.status?.conditions?.find((condition) => condition.type === type && condition.status === status);
  const says = ({ type, status, reason, message }: Told) =>
    `${what} says ${type}=${status}${reason ? ` ${reason}` : ''}${message ? `: ${message}` : ''}`;
  if (!found.status?.conditions?.length)
    return unmet('Autoscaled', 'ScalingPending', `${what} has not looked at the Webapps yet`);
  const unable = told('AbleToScale', 'False');
  if (unable) return unmet('Autoscaled', 'NotAbleToScale', says(unable));
  const blind = told('ScalingActive', 'False');
  if (blind) return unmet('Autoscaled', 'MetricsMissing', says(blind));
  const short = shortfall(observed, scale.desired ?? 0);
  if (short) return short;
  const limited = told('ScalingLimited', 'True');
  if (limited?.reason === 'TooManyReplicas') return unmet('Autoscaled', 'AtMaximum', says(limited));
  return met(
    'Autoscaled',
    'Scaling',
    `${scale.desired} Webapps, of ${scale.min} to ${scale.max}${limited ? `; ${says(limited)}` : ''}`,
  );
}

/** Pods beyond the least number are no part of WorkloadsReady. */
function shortfall(
  observed: Observation & { readonly nowMs: number },
  desired: number,
): Verdict<'Autoscaled'> | undefined {
  const ready = observed.pods.filter((pod) => isServing(pod, 'webapp')).length;
  if (ready >= desired) return undefined;
  const trouble = troubleOf(observed, (component) => component === 'webapp');
  return unmet(
    'Autoscaled',
    ...toldBy(trouble, 'WebappsNotReady', `${ready} of ${desired} Webapps are ready`),
  );
}
