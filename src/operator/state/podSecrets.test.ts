import { describe, expect, it } from 'vitest';
import { whatsAppDeployment } from '../../../test/support/whatsAppDeployment.ts';
import type { Sources } from '../../engine/controller/sources.ts';
import { type KubeObject, kinds } from '../../engine/kube/kubeObject.ts';
import { type CacheChange, type IndexFunction, ObjectCache } from '../../engine/kube/objectCache.ts';
import { type ObserveContext, observe } from './observe.ts';
import { onStackChange, watchStacks } from './stackSources.ts';

const never = new AbortController().signal;
type Listener = (change: CacheChange<KubeObject>) => void;

/** Sources without a cluster, whose changes the test reports. */
function setup(...stacks: readonly KubeObject[]) {
  const listeners: { readonly kind: string; readonly metadataOnly: boolean; readonly tell: Listener }[] = [];
  const sources = watchStacks({
    watch: (watched: {
      kind: { kind: string };
      metadataOnly?: boolean;
      indexes?: Record<string, IndexFunction<KubeObject>>;
    }) => {
      const { kind, metadataOnly = false, indexes } = watched;
      const onChange = (tell: Listener) => listeners.push({ kind: kind.kind, metadataOnly, tell });
      return { kind, cache: new ObjectCache<KubeObject>(indexes), onChange };
    },
  } as unknown as Sources);
  for (const stack of stacks) sources.stacks.cache.store(stack);
  const enqueued = new Set<string>();
  onStackChange(sources, { waitingFor: () => [] }, (key) => enqueued.add(key));
  const appears = (name: string) => {
    const object: KubeObject = {
      apiVersion: 'v1',
      kind: kinds.Secret.kind,
      metadata: { name, namespace: 'default' },
    };
    for (const { metadataOnly, tell } of listeners)
      if (metadataOnly) tell({ type: 'Added', object, previous: undefined });
    return [...enqueued];
  };
  return { sources, appears };
}

const stack = (name: string, spec: object) =>
  whatsAppDeployment({ metadata: { name, uid: name }, spec }) as unknown as KubeObject;
const env = [{ name: 'A', valueFrom: { secretKeyRef: { name: 'token', key: 'value' } } }];
const shop = stack('shop', {
  imagePullSecrets: [{ name: 'registry' }],
  nodes: { master: { podTemplate: { env } } },
});
const other = stack('other', {
  nodes: {
    master: {
      podTemplate: { env: [{ ...env[0], valueFrom: { secretKeyRef: { name: 'foreign', key: 'k' } } }] },
    },
  },
  emulator: { network: { podTemplate: { volumes: [{ name: 'v', secret: { secretName: 'shared' } }] } } },
});

describe('a Secret that pods need', () => {
  it.each(['registry', 'token'])('brings the stack back to the operator when it appears: %s', (name) => {
    expect(setup(shop, other).appears(name)).toEqual(['default/shop']);
  });

  it('is read with those of the network process, which may be in the spec of another stack', async () => {
    const { sources } = setup(shop, other);
    let read: readonly string[] = [];
    const context = {
      sources,
      journals: { read: () => undefined },
      referenced: {
        read: async (_: string, names: readonly string[]) => {
          read = names;
          return new Map();
        },
      },
      rivals: { of: () => [] },
      secretLabels: { restore: async () => {} },
      isBackingUp: () => false,
      restores: new Map(),
      observations: new Map(),
    } as unknown as ObserveContext;
    await observe(whatsAppDeployment({ spec: shop.spec as object }), context, never);
    expect([...new Set(read)].sort()).toEqual(['registry', 'shared', 'token']);
  });
});
