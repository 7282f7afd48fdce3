import { expect, it } from 'vitest';
import { whatsAppFleet } from '../../../test/support/whatsAppFleet.ts';
import type { KubeObject } from '../../engine/kube/kubeObject.ts';
import { ObjectCache } from '../../engine/kube/objectCache.ts';
import { type FleetsContext, observeFleet } from './observeFleet.ts';

const source = (objects: readonly KubeObject[]) => {
  const cache = new ObjectCache<KubeObject>({ namespace: ({ metadata }) => [metadata.namespace ?? ''] });
  for (const object of objects) cache.store(object);
  return { cache };
};

/** What keeps a fleet of the operator's namespace from work, while replicas share it or not. */
const obstacle = (isDivided: boolean, spec: object): string | undefined => {
  const fleet = whatsAppFleet({ spec });
  const sources = { stacks: source([]), fleets: source([fleet as unknown as KubeObject]) };
  const context = {
    sources: sources as unknown as FleetsContext['sources'],
    operatorNamespace: 'default',
    isDivided,
    missing: () => [],
    messages: () => undefined,
    refused: () => undefined,
  };
  return observeFleet('default/eu', context, 0)?.notAllowed;
};

it('cannot judge messages of other namespaces while replicas share the work, and says what to do', () => {
  const counting = { health: { maxFailedMessagesPercent: 5 } };
  const everywhere = { namespaces: ['*'] };
  expect(obstacle(true, { ...everywhere, ...counting })).toMatch(
    /^spec\.health\.maxFailedMessagesPercent .* sharding\.shards=1$/,
  );
  expect(obstacle(false, { ...everywhere, ...counting })).toBeUndefined();
  expect(obstacle(true, everywhere)).toBeUndefined();
  expect(obstacle(true, counting)).toBeUndefined();
});
