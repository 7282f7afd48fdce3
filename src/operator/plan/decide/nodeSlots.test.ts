import { describe, expect, it } from 'vitest';
import { applied, release, removed, restarted, StackModel } from '../../../../test/support/stackModel.ts';
import { whatsAppDeployment } from '../../../../test/support/whatsAppDeployment.ts';
import type { KubeObject } from '../../../engine/kube/kubeObject.ts';
import { labels } from '../facts/names.ts';
import { childKey } from '../render/child.ts';
import { planWorkloads } from './workloads.ts';

const settled = () => {
  const model = new StackModel(whatsAppDeployment({ spec: { topology: 'HighAvailability' } }));
  model.settle();
  return model;
};

/** What somebody may do to a label: each value is of another component, topology or stack, or of none. */
const EDITS: readonly (readonly [string, string | undefined])[] = [
  [labels.component, undefined],
  [labels.component, 'master'],
  [labels.component, 'database'],
  [labels.topology, undefined],
  [labels.topology, 'Single'],
  [labels.instance, undefined],
  [labels.instance, 'other'],
  [labels.slot, '7'],
];

const withLabel = (object: KubeObject, label: string, value: string | undefined): KubeObject => {
  const { [label]: _, ...others } = object.metadata.labels ?? {};
  const edited = value === undefined ? others : { ...others, [label]: value };
  return { ...object, metadata: { ...object.metadata, labels: edited } };
};

const withTemplateLabel = (object: KubeObject, label: string, value: string | undefined): KubeObject => {
  const spec = object.spec as { readonly template?: KubeObject } | undefined;
  return {
    ...object,
    spec: { ...spec, template: spec?.template && withLabel(spec.template, label, value) },
  } as KubeObject;
};

const keys = [...settled().children.values()]
  .filter(({ kind }) => kind !== 'Secret' && kind !== 'Job')
  .map(childKey);
const sets = keys.filter((key) => key.startsWith('StatefulSet/'));

describe('a label that somebody edits', () => {
  it.each(keys.flatMap((key) => EDITS.map(([label, value]) => ({ key, label, value }))))(
    'costs no pod and no object: $label of $key to $value',
    ({ key, label, value }) => {
      const model = settled();
      const before = model.children.get(key) as KubeObject;
      model.children.set(key, withLabel(before, label, value));
      const plan = planWorkloads(model.observed(), release);
      expect([removed(plan), restarted(plan)]).toEqual([[], []]);
      const repaired = applied(plan).find(({ object }) => childKey(object) === key);
      expect(repaired?.object.metadata.labels).toEqual(before.metadata.labels);
    },
  );

  it.each(sets.flatMap((key) => EDITS.map(([label, value]) => ({ key, label, value }))))(
    'costs no pod in a template: $label of $key to $value',
    ({ key, label, value }) => {
      const model = settled();
      model.children.set(key, withTemplateLabel(model.children.get(key) as KubeObject, label, value));
      const plan = planWorkloads(model.observed(), release);
      expect([removed(plan), restarted(plan)]).toEqual([[], []]);
      expect(applied(plan).map(({ object }) => childKey(object))).toContain(key);
    },
  );

  it('does not stop the stack if it is of a pod', () => {
    const model = settled();
    model.pods = model.pods.map((pod) =>
      pod.name === 'shop-coreapp-1-0' ? { ...pod, topology: 'Single' } : pod,
    );
    const plan = planWorkloads(model.observed(), release);
    expect(applied(plan).map(({ object }) => childKey(object))).toEqual(expect.arrayContaining(sets));
    expect(plan.steps.filter(({ verdict }) => verdict.status !== 'True')).toEqual([]);
  });
});
