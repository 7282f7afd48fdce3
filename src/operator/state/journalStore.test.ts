import { describe, expect, it } from 'vitest';
import { whatsAppDeployment } from '../../../test/support/whatsAppDeployment.ts';
import type { Source } from '../../engine/controller/sources.ts';
import { KubeClient } from '../../engine/kube/client.ts';
import { type KubeObject, kinds } from '../../engine/kube/kubeObject.ts';
import { ObjectCache } from '../../engine/kube/objectCache.ts';
import type { Transport } from '../../engine/kube/transport.ts';
import { EMPTY_JOURNAL } from '../plan/facts/journal.ts';
import type { SecretObject } from '../plan/facts/secrets.ts';
import { isIncomplete, JournalStore } from './journalStore.ts';

const never = new AbortController().signal;

describe('the Secret of a journal', () => {
  it('tells others the authority of the Webapps, also if an earlier version wrote it', async () => {
    const transport = { request: async ({ body }) => body } as Pick<Transport, 'request'>;
    const cache = new ObjectCache<KubeObject>({});
    const source = { kind: kinds.Secret, cache } as unknown as Source<KubeObject>;
    const store = new JournalStore(new KubeClient(transport as Transport), source);
    const resource = whatsAppDeployment();
    const stored = () => cache.get('default/shop-journal') as SecretObject;

    await store.update(resource, (journal) => journal, never);
    expect(Object.keys(stored().data ?? {})).toEqual(['journal.json']);
    const journal = await store.update(resource, (before) => ({ ...before, webappCa: 'PEM' }), never);
    expect(Buffer.from(stored().data?.['ca.crt'] ?? '', 'base64').toString()).toBe('PEM');
    expect(store.read(resource)).toEqual(journal);

    const { 'ca.crt': _, ...older } = stored().data ?? {};
    expect(isIncomplete({ ...stored(), data: older }, journal)).toBe(true);
    expect(isIncomplete(stored(), journal)).toBe(false);
    expect(isIncomplete({ ...stored(), data: older }, EMPTY_JOURNAL)).toBe(false);
  });
});
