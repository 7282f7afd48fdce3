import { describe, expect, it } from 'vitest';
import { applied, removed, StackModel } from '../../../../test/support/stackModel.ts';
import { whatsAppDeployment } from '../../../../test/support/whatsAppDeployment.ts';
import type { KubeObject } from '../../../engine/kube/kubeObject.ts';
import { annotations } from '../facts/names.ts';
import type { Observed } from '../facts/observed.ts';
import { autoscaled } from '../tell/autoscaled.ts';
import { stackStatus } from '../tell/stackStatus.ts';
import type { WorkloadPlan } from './workloads.ts';

const WEBAPPS = 'Deployment/shop-webapp';
const AUTOSCALER = 'HorizontalPodAutoscaler/shop-webapp';
const resource = (webapp: object | undefined, spec: object = {}) =>
  whatsAppDeployment({ spec: { ...spec, ...(webapp ? { nodes: { webapp } } : {}) } });
const scaling = (changes: object = {}) => ({ autoscaling: { minReplicas: 2, maxReplicas: 6, ...changes } });

function settled(webapp: object | undefined): StackModel {
  const model = new StackModel(resource(webapp));
  model.settle();
  return model;
}

/** The autoscaler, or a person, changes the number of pods. */
function scale(model: StackModel, replicas: number): void {
  const live = model.children.get(WEBAPPS) as KubeObject;
  const status = {
    ...(live.status as object),
    replicas,
    updatedReplicas: replicas,
    availableReplicas: replicas,
  };
  model.children.set(WEBAPPS, { ...live, spec: { ...(live.spec as object), replicas }, status });
  model.restart(new Set());
}

/** What a plan declares for the Webapps: undefined if it does not apply them. */
const declared = (plan: WorkloadPlan) => {
  const child = applied(plan).find(({ object }) => `${object.kind}/${object.metadata.name}` === WEBAPPS);
  return child && ((child.object.spec as { replicas?: number }).replicas ?? 'nothing');
};
const handedOver = ({ steps }: WorkloadPlan) =>
  steps.flatMap(({ handOver }) => handOver.map(({ spec }) => (spec as { replicas: number }).replicas));
const live = (model: StackModel) =>
  ((model.children.get(WEBAPPS) as KubeObject).spec as { replicas: number }).replicas;
const told = (model: StackModel, changes: Partial<Observed> = {}) => autoscaled(model.observed(changes));
const says = (model: StackModel, conditions: readonly object[]) => {
  const found = model.children.get(AUTOSCALER) as KubeObject;
  model.children.set(AUTOSCALER, { ...found, status: { currentReplicas: live(model), conditions } });
  return told(model);
};

describe('the number of Webapps under autoscaling', () => {
  it('is the least at first, and not declared once the Webapps are there', () => {
    const model = new StackModel(resource(scaling({ minReplicas: 3 })));
    const numbers = new Set<unknown>();
    for (let round = 0; round < 20; round++) numbers.add(declared(model.round()));
    expect([...numbers]).toEqual([undefined, 3, 'nothing']);
    expect(live(model)).toBe(3);
    expect(model.children.has(AUTOSCALER)).toBe(true);
  });

  it('is handed over once, as it is, before it is left out', () => {
    const model = settled({ replicas: 5 });
    model.resource = resource(scaling());
    const first = model.round();
    expect([handedOver(first), declared(first), live(model)]).toEqual([[5], 'nothing', 5]);
    expect(handedOver(model.round())).toEqual([]);
    scale(model, 6);
    expect([declared(model.settle()), live(model)]).toEqual(['nothing', 6]);
  });

  it('is left alone while a change of the template waits, so that nothing fights the autoscaler', () => {
    const model = settled(scaling());
    scale(model, 5);
    model.resource = resource(
      { ...scaling(), podTemplate: { annotations: { note: 'new' } } },
      { upgrade: { mode: 'Manual' } },
    );
    const plan = model.settle();
    expect(declared(plan)).toBeUndefined();
    expect([plan.steps.flatMap((step) => step.scale), live(model)]).toEqual([[], 5]);
  });

  it('is nothing in hibernation and the least at waking', () => {
    const model = settled(scaling());
    scale(model, 6);
    model.resource = resource(scaling(), { hibernated: true });
    model.settle();
    expect(live(model)).toBe(0);
    expect(told(model)).toMatchObject({ status: 'True', reason: 'Hibernated' });
    model.resource = resource(scaling());
    model.settle();
    expect(live(model)).toBe(2);
  });

  it('is that of spec again only once the autoscaler is gone', () => {
    const model = settled(scaling());
    scale(model, 6);
    model.resource = resource({ replicas: 4 });
    const first = model.round();
    expect(removed(first).map(({ kind }) => kind)).toContain('HorizontalPodAutoscaler');
    expect([declared(first), live(model)]).toEqual(['nothing', 6]);
    expect([declared(model.round()), live(model)]).toEqual([4, 4]);
    expect(model.children.get(WEBAPPS)?.metadata.annotations?.[annotations.replicasBy]).toBeUndefined();
  });
});

describe('a stack whose Webapps come and go with the load', () => {
  it('is settled while enough are ready, and not with fewer than the least', () => {
    const model = settled(scaling());
    scale(model, 5);
    const starting = model.pods.map((pod, index, all) =>
      pod.component === 'webapp' && index > all.findIndex(({ component }) => component === 'webapp') + 1
        ? { ...pod, ready: false }
        : pod,
    );
    const busy = model.children.get(WEBAPPS) as KubeObject;
    const status = (available: number) => ({ ...(busy.status as object), availableReplicas: available });
    const verdict = (available: number, pods: Observed['pods']) => {
      const children = new Map(model.children).set(WEBAPPS, { ...busy, status: status(available) });
      const { steps } = model.round({ children, pods });
      return steps.find(({ verdict: { type } }) => type === 'WorkloadsReady')?.verdict.status;
    };
    expect(verdict(2, starting)).toBe('True');
    expect(told(model, { pods: starting })).toMatchObject({
      status: 'False',
      reason: 'ScalingPending',
    });
    expect(
      verdict(
        1,
        starting.map((pod, index) =>
          index === 0 || pod.component !== 'webapp' ? pod : { ...pod, ready: false },
        ),
      ),
    ).toBe('False');
  });

  it('shows how many there are and shall be, and the words of the autoscaler', () => {
    const model = settled(scaling());
    scale(model, 6);
    const able = { type: 'AbleToScale', status: 'True', reason: 'ReadyForNewScale', message: 'ok' };
    const active = { type: 'ScalingActive', status: 'True', reason: 'ValidMetricFound', message: 'ok' };
    const limited = (reason: string) => ({ type: 'ScalingLimited', status: 'True', reason, message: 'why' });
    expect(says(model, [able, active])).toMatchObject({ status: 'True', message: '6 Webapps, of 2 to 6' });
    expect(says(model, [able, active, limited('TooManyReplicas')])).toMatchObject({
      reason: 'AtMaximum',
      message: 'HorizontalPodAutoscaler shop-webapp says ScalingLimited=True TooManyReplicas: why',
    });
    expect(says(model, [able, active, limited('TooFewReplicas')]).status).toBe('True');
    expect(
      says(model, [able, { ...active, status: 'False', reason: 'FailedGetResourceMetric' }]),
    ).toMatchObject({
      reason: 'MetricsMissing',
    });
    expect(says(model, [{ ...able, status: 'False', reason: 'FailedGetScale' }]).reason).toBe(
      'NotAbleToScale',
    );
    const status = stackStatus(model.observed(), [], []);
    expect([status.autoscaling, status.summary?.webapps]).toEqual([
      { current: 6, desired: 6, min: 2, max: 6 },
      '6/6',
    ]);
  });
});
