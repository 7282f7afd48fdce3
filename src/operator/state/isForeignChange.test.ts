import { describe, expect, it } from 'vitest';
import type { KubeObject } from '../../engine/kube/kubeObject.ts';
import { CHECK_WEBHOOK, PLAN } from '../plan/facts/names.ts';
import { isForeignChange } from './isForeignChange.ts';

const stack = (metadata: object = {}, rest: object = {}): KubeObject =>
  ({
    apiVersion: 'waba-operator.dev/v1alpha1',
    kind: 'WhatsAppDeployment',
    metadata: {
      name: 'shop',
      namespace: 'default',
      uid: 'u',
      generation: 1,
      resourceVersion: '1',
      ...metadata,
    },
    spec: { phoneNumber: '+16315551000' },
    status: { conditions: [{ type: 'Ready', status: 'True' }] },
    ...rest,
  }) as KubeObject;

const changed = (after: KubeObject, before: KubeObject | undefined = stack()) =>
  isForeignChange({ type: 'Modified', object: after, previous: before });

describe('a change of a stack is foreign', () => {
  it('when another tool notes something', () => {
    const metadata = {
      resourceVersion: '2',
      annotations: { 'example.org/seen': 'today' },
      managedFields: [{ manager: 'example', operation: 'Update' }],
    };
    expect(changed(stack(metadata))).toBe(true);
    expect(changed(stack(), stack(metadata))).toBe(true);
  });

  it.each([
    ['the generation', stack({ generation: 2 })],
    ['an annotation of the operator', stack({ annotations: { [CHECK_WEBHOOK]: '1' } })],
    ['a label', stack({ labels: { ring: 'canary' } })],
    ['a finalizer', stack({ finalizers: ['example.org/wait'] })],
    ['the beginning of its deletion', stack({ deletionTimestamp: '2026-01-01T00:00:00Z' })],
    ['an owner', stack({ ownerReferences: [{ kind: 'Shop', name: 'a', uid: 'b', apiVersion: 'v1' }] })],
    ['the object of the same name', stack({ uid: 'other' })],
    ['spec', stack({}, { spec: { phoneNumber: '+16315551001' } })],
    ['a condition', stack({}, { status: { conditions: [{ type: 'Ready', status: 'False' }] } })],
    ['the whole status', stack({}, { status: undefined })],
  ])('not when %s changes', (_, after) => {
    expect(changed(after)).toBe(false);
  });

  it('not when an annotation of the operator goes', () => {
    expect(changed(stack(), stack({ annotations: { [PLAN]: 'only' } }))).toBe(false);
  });

  it('not when it is a write of ours, which only its writer knows', () => {
    expect(isForeignChange({ type: 'Modified', object: stack(), previous: stack(), isOwn: true })).toBe(
      false,
    );
  });

  it('not when the stack is new, or was not seen before, or is gone', () => {
    expect(isForeignChange({ type: 'Modified', object: stack(), previous: undefined })).toBe(false);
    for (const type of ['Added', 'Deleted'] as const)
      expect(isForeignChange({ type, object: stack(), previous: stack() })).toBe(false);
  });
});
