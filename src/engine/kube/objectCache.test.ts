import { describe, expect, it } from 'vitest';
import type { KubeObject } from './kubeObject.ts';
import { ObjectCache } from './objectCache.ts';

const pod = (name: string, uid: string, resourceVersion: number, node = 'n1'): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'default', uid, resourceVersion: String(resourceVersion) },
  node,
});
const setup = () => new ObjectCache({ node: (object) => [String(object.node)] });
const names = (objects: KubeObject[]) => objects.map(({ metadata }) => metadata.name);

describe('the object cache', () => {
  it('finds objects by index, also after the indexed value changed', () => {
    const cache = setup();
    cache.store(pod('a', 'u1', 1));
    cache.store(pod('b', 'u2', 2));
    cache.store(pod('a', 'u1', 3, 'n2'));
    expect(names(cache.byIndex('node', 'n1'))).toEqual(['b']);
    expect(names(cache.byIndex('node', 'n2'))).toEqual(['a']);
  });

  it('protects its objects against mutation', () => {
    const cache = setup();
    cache.store(pod('a', 'u1', 1));
    const stored = cache.get('default/a') as { metadata: { name: string } };
    expect(() => {
      stored.metadata.name = 'b';
    }).toThrow(TypeError);
  });

  it('ignores an event older than a write of ours', () => {
    const cache = setup();
    cache.observeWrite(pod('a', 'u1', 10, 'written'));
    expect(cache.store(pod('a', 'u1', 9, 'late'))).toBeUndefined();
    expect(cache.get('default/a')?.node).toBe('written');
  });

  it('says when the watch shows a write of ours, which changes nothing here, and of which listeners have not heard', () => {
    const cache = setup();
    cache.store(pod('a', 'u1', 9));
    cache.observeWrite(pod('a', 'u1', 10, 'written'));
    expect(cache.store(pod('a', 'u1', 10, 'written'))).toMatchObject({ type: 'Modified', isOwn: true });
    expect(cache.store(pod('a', 'u1', 11))).not.toHaveProperty('isOwn');
  });

  it('compares resource versions as numbers, not as text', () => {
    const cache = setup();
    cache.store(pod('a', 'u1', 9));
    expect(cache.store(pod('a', 'u1', 10))?.type).toBe('Modified');
  });

  it('does not bring back what we deleted, until the deletion arrives or another object takes its name', () => {
    const cache = setup();
    cache.store(pod('a', 'u1', 1));
    cache.observeDelete(pod('a', 'u1', 1));
    expect(cache.store(pod('a', 'u1', 2))).toBeUndefined();
    expect(cache.store(pod('a', 'u2', 3))?.type).toBe('Added');
  });

  it('does not take the late deletion of a predecessor for that of its successor', () => {
    const cache = setup();
    cache.store(pod('a', 'u2', 5));
    expect(cache.remove(pod('a', 'u1', 4))).toBeUndefined();
    expect(cache.size).toBe(1);
  });

  it('drops what a fresh list of one namespace no longer holds, and nothing of another', () => {
    const cache = setup();
    cache.store(pod('a', 'u1', 1));
    cache.store({ ...pod('b', 'u2', 2), metadata: { ...pod('b', 'u2', 2).metadata, namespace: 'other' } });
    expect(cache.retain(new Set(), '5', 'default').map(({ type }) => type)).toEqual(['Deleted']);
    expect(names(cache.list())).toEqual(['b']);
  });

  it('tells of a write of ours when the watch does, because other listeners have not heard of it', () => {
    const cache = setup();
    cache.observeWrite(pod('a', 'u1', 10));
    expect(cache.store(pod('a', 'u1', 10))?.type).toBe('Modified');
    // Listed again, it is no news.
    expect(cache.store(pod('a', 'u1', 10), 'list')).toBeUndefined();
  });

  it('does not revive an object whose creation and deletion the watch told before our answer came', () => {
    const cache = setup();
    cache.store(pod('a', 'u1', 10));
    cache.remove(pod('a', 'u1', 11));
    cache.caughtUp('11', 'default');
    cache.observeWrite(pod('a', 'u1', 10));
    expect(cache.size).toBe(0);
  });

  it('keeps a predecessor out once our own object has the name', () => {
    const cache = setup();
    cache.observeWrite(pod('a', 'u2', 20));
    expect(cache.store(pod('a', 'u1', 15))).toBeUndefined();
    expect(cache.remove(pod('a', 'u1', 16))).toBeUndefined();
    expect(cache.get('default/a')?.metadata.uid).toBe('u2');
  });

  it('believes a list that is older than what it holds, for a restored server counts anew', () => {
    const cache = setup();
    cache.store(pod('a', 'u1', 900, 'n2'));
    expect(cache.store(pod('a', 'u1', 12, 'n1'), 'list')?.type).toBe('Modified');
    expect(names(cache.byIndex('node', 'n1'))).toEqual(['a']);
  });

  it('keeps a write of ours that a list does not know yet, and drops it with the next', () => {
    const cache = setup();
    cache.observeWrite(pod('a', 'u1', 10));
    expect(cache.retain(new Set(), '9')).toEqual([]);
    expect(cache.size).toBe(1);
    expect(cache.retain(new Set(), '11').map(({ type }) => type)).toEqual(['Deleted']);
  });

  it('takes further indexes for a cache that is shared, and refuses two meanings of one name', () => {
    const cache = setup();
    cache.store(pod('a', 'u1', 1));
    cache.addIndexes({ uid: ({ metadata }) => [metadata.uid ?? ''] });
    expect(names(cache.byIndex('uid', 'u1'))).toEqual(['a']);
    expect(() => cache.addIndexes({ uid: () => [] })).toThrow(/already/);
  });
});
