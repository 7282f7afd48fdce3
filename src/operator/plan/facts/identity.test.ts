import { describe, expect, it } from 'vitest';
import { applied, release, removed, StackModel } from '../../../../test/support/stackModel.ts';
import { whatsAppDeployment } from '../../../../test/support/whatsAppDeployment.ts';
import type { KubeObject } from '../../../engine/kube/kubeObject.ts';
import { planWorkloads, type WorkloadPlan } from '../decide/workloads.ts';
import { foreignData, withNumber } from './identity.ts';
import { EMPTY_JOURNAL, type Journal, type RegistrationEntry } from './journal.ts';
import { annotations, slotRole } from './names.ts';

const ONE = '+16315551000';
const OTHER = '+16315551999';
const resource = whatsAppDeployment({ spec: { phoneNumber: ONE } });
const journal = (number: string | undefined, phase?: RegistrationEntry['phase']): Journal => ({
  ...EMPTY_JOURNAL,
  ...(number === undefined ? {} : { number }),
  ...(phase ? { registration: { attempt: 1, phase } } : {}),
});

const isSlot = (object: KubeObject): boolean =>
  object.kind === 'StatefulSet' && slotRole(resource.metadata.name, object.metadata.name) !== undefined;
const slots = (plan: WorkloadPlan) => applied(plan).filter(({ object }) => isSlot(object));
const conditions = (plan: WorkloadPlan) =>
  Object.fromEntries(plan.steps.map(({ verdict }) => [verdict.type, verdict]));

describe('the number of kept data', () => {
  it.each(['registered', 'verifying', 'requesting'] as const)(
    'counts when its registration is %s',
    (phase) => {
      const problem = foreignData({ resource, journal: journal(OTHER, phase) });
      expect(problem).toContain(
        `belong to ${OTHER} (Secret shop-journal), not to ${ONE}; set spec.phoneNumber to`,
      );
      expect(problem).not.toMatch(/delete/);
      expect(foreignData({ resource, journal: journal(ONE, phase) })).toBeUndefined();
      expect(withNumber(journal(OTHER, phase), resource).number).toBe(OTHER);
    },
  );

  it.each(['refused', 'code-requested', undefined] as const)('does not count when it is %s', (phase) => {
    expect(foreignData({ resource, journal: journal(OTHER, phase) })).toBeUndefined();
    // What was refused to the other number says nothing about this one.
    expect(withNumber(journal(OTHER, phase), resource)).toEqual(journal(ONE));
  });

  it('is that of the resource if an earlier version wrote the journal', () => {
    expect(withNumber(journal(undefined, 'registered'), resource)).toEqual(journal(ONE, 'registered'));
  });

  it('keeps Masters and Coreapps from running when it is another one', () => {
    const model = new StackModel(resource);
    model.settle();
    const plan = planWorkloads(
      model.observed({ journal: { ...model.journal, ...journal(OTHER, 'registered') } }),
      release,
    );
    expect(slots(plan)).toEqual([]);
    expect(removed(plan).filter(isSlot).length).toBeGreaterThan(0);
    expect(conditions(plan)).toMatchObject({
      SpecValid: { status: 'False', reason: 'DataOfAnotherNumber' },
      WorkloadsReady: { status: 'False', reason: 'DataOfAnotherNumber' },
    });
  });
});

describe('a stack whose number runs in pods of another one', () => {
  const rivals = [{ stack: 'default/old', isGone: true, pods: ['old-coreapp-0-0'] }];

  it('starts no Master or Coreapp until they are gone, and names them', () => {
    const model = new StackModel(resource);
    const plan = model.settle({ rivals });
    expect([...model.children.values()].filter(isSlot)).toEqual([]);
    expect(conditions(plan).SpecValid).toMatchObject({ status: 'False', reason: 'NumberInUse' });
    expect(conditions(plan).SpecValid?.message).toContain(
      'pods of the deleted WhatsAppDeployment default/old still run with the number: old-coreapp-0-0;',
    );
    model.settle();
    expect([...model.children.values()].filter(isSlot).length).toBeGreaterThan(0);
  });

  it('goes on if it runs already: stopping it would serve nobody', () => {
    const model = new StackModel(resource);
    model.settle();
    const before = [...model.children].map(([key, object]) => [
      key,
      object.metadata.annotations?.[annotations.applied],
    ]);
    const plan = model.settle({ rivals });
    expect(
      [...model.children].map(([key, object]) => [key, object.metadata.annotations?.[annotations.applied]]),
    ).toEqual(before);
    expect(conditions(plan).SpecValid?.status).toBe('True');
  });
});

describe('two stacks with one number', () => {
  const older = (state?: 'Registered') =>
    whatsAppDeployment({
      metadata: {
        name: 'secret',
        namespace: 'tenant',
        uid: 'u0',
        creationTimestamp: '2025-01-01T00:00:00Z',
      },
      spec: { phoneNumber: ONE },
      ...(state ? { status: { registration: { state } } } : {}),
    });
  const isSameAs = (before: ReadonlyMap<string, KubeObject>, model: StackModel) =>
    expect([...model.children.keys()]).toEqual([...before.keys()]);

  it('leave it to the one that runs, although the other one is older and changed to this number', () => {
    const model = new StackModel(resource);
    model.settle();
    const before = new Map(model.children);
    const plan = model.settle({ sameNumber: [older(), resource] });
    isSameAs(before, model);
    expect(conditions(plan).SpecValid?.status).toBe('True');
  });

  it('leave it to the one that is registered, although the other one is older', () => {
    const registered = {
      ...older('Registered'),
      metadata: { ...older().metadata, creationTimestamp: '2027-01-01T00:00:00Z' },
    };
    const model = new StackModel(resource);
    const plan = model.settle({ sameNumber: [registered, resource] });
    expect([...model.children.values()].filter(isSlot)).toEqual([]);
    expect(conditions(plan).SpecValid?.reason).toBe('NumberInUse');
  });

  it('stop no node of the one that comes later, and tell nothing of another namespace', () => {
    const model = new StackModel(whatsAppDeployment({ spec: { phoneNumber: OTHER } }));
    model.settle();
    model.journal = { ...model.journal, number: OTHER };
    model.resource = resource;
    const before = new Map(model.children);
    const rivals = [{ stack: 'tenant/secret', isGone: false, pods: ['secret-coreapp-0-0'] }];
    const plan = model.settle({ sameNumber: [older('Registered'), resource], rivals });
    isSameAs(before, model);
    const { message = '', reason } = conditions(plan).SpecValid ?? {};
    expect(reason).toBe('NumberInUse');
    expect(message).toContain('a WhatsAppDeployment of another namespace');
    expect(message).not.toMatch(/secret|tenant/);
  });

  it('tell nothing of pods in another namespace either', () => {
    const rivals = [{ stack: 'tenant/secret', isGone: true, pods: ['secret-coreapp-0-0'] }];
    const { message } = conditions(new StackModel(resource).settle({ rivals })).SpecValid ?? {};
    expect(message).toBe(
      'pods of a WhatsAppDeployment of another namespace still run with the number; this one starts when they are gone',
    );
  });
});

describe('a claim that somebody deleted', () => {
  it('is told at once, with the pods that hold it and how to keep its volume', () => {
    const model = new StackModel(resource);
    model.settle();
    const key = 'PersistentVolumeClaim/shop-media';
    const claim = model.children.get(key);
    if (!claim) throw new Error('no claim');
    const going = {
      ...claim,
      metadata: { ...claim.metadata, deletionTimestamp: '2026-03-01T00:00:00Z' },
      spec: { ...(claim.spec as object), volumeName: 'pv-1' },
    };
    const plan = planWorkloads(
      model.observed({ children: new Map([...model.children, [key, going]]) }),
      release,
    );
    const { WorkloadsReady } = conditions(plan);
    expect(WorkloadsReady).toMatchObject({ status: 'False', reason: 'ClaimTerminating' });
    expect(WorkloadsReady?.message).toContain('shop-coreapp-0-0, shop-coreapp-1-0, shop-master-0-0');
    expect(WorkloadsReady?.message).toContain('kubectl patch pv pv-1');
    expect(WorkloadsReady?.message).not.toContain('shop-database');
  });
});
