import { describe, expect, it } from 'vitest';
import type { Source } from '../../engine/controller/sources.ts';
import { KubeClient } from '../../engine/kube/client.ts';
import { type KubeObject, kinds } from '../../engine/kube/kubeObject.ts';
import { ObjectCache } from '../../engine/kube/objectCache.ts';
import type { Transport } from '../../engine/kube/transport.ts';
import { ReferencedSecrets } from './referencedSecrets.ts';

const never = new AbortController().signal;

describe('a Secret that a resource names', () => {
  it('is read and decoded again only when it has changed, so that a pass sees whether it has', async () => {
    let stored = secret('1', 'eA==');
    let requests = 0;
    const transport = {
      request: async () => {
        requests += 1;
        return stored;
      },
    } as Pick<Transport, 'request'>;
    const cache = new ObjectCache<KubeObject>({});
    const source = { kind: kinds.Secret, cache } as unknown as Source<KubeObject>;
    const secrets = new ReferencedSecrets(new KubeClient(transport as Transport), source);
    const read = async () => (await secrets.read('default', ['mine', 'mine'], never)).get('mine');

    expect(await read()).toEqual({ name: 'mine', data: undefined });
    cache.store(stored);
    const first = await read();
    expect(first).toEqual({ name: 'mine', data: { value: 'x' }, raw: { value: 'eA==' } });
    expect((await read())?.data).toBe(first?.data);
    expect(requests).toBe(1);
    stored = secret('2', 'eQ==');
    cache.store(stored);
    expect((await read())?.data).toEqual({ value: 'y' });
    expect(requests).toBe(2);
  });
});

const secret = (resourceVersion: string, value: string): KubeObject =>
  ({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'mine', namespace: 'default', uid: 'u', resourceVersion },
    data: { value },
  }) as KubeObject;
