import { describe, expect, it } from 'vitest';
import { whatsAppDeployment } from '../../../test/support/whatsAppDeployment.ts';
import { KubeClient } from '../../engine/kube/client.ts';
import type { KubeObject } from '../../engine/kube/kubeObject.ts';
import type { StackSources } from '../state/stackSources.ts';
import { leftClaims } from './leftClaims.ts';

const never = new AbortController().signal;
const claim = (name: string, metadata: object = {}): KubeObject => ({
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { name, namespace: 'default', ...metadata },
});

/** The claims that are left of a stack, and what was asked of the API server. */
async function left(
  database: object,
  { cluster, claims = [claim('datadir-shop-db-0')] }: { cluster?: object; claims?: KubeObject[] } = {},
) {
  const asked: string[] = [];
  const client = new KubeClient({
    request: async ({ path, query }) => {
      asked.push([path, query?.labelSelector].join('?'));
      return { metadata: {}, items: claims };
    },
    text: async () => '',
    stream: async function* () {},
    close: () => {},
  });
  const get = (key: string) => (key === 'default/shop-db' ? cluster : undefined);
  const sources = { clusters: { mysqlOperator: { cache: { get } } } } as unknown as StackSources;
  const found = await leftClaims(whatsAppDeployment({ spec: { database } }), { sources, client }, never);
  return { asked, names: found.map(({ metadata }) => metadata.name) };
}
const labelled = (stack: string) => ({ metadata: { labels: { 'app.kubernetes.io/instance': stack } } });

describe('the volumes that another operator leaves', () => {
  it('are those of the servers of a created InnoDBCluster, by their labels', async () => {
    const asked = [
      '/api/v1/namespaces/default/persistentvolumeclaims?mysql.oracle.com/cluster=shop-db,component=mysqld',
    ];
    const names = ['datadir-shop-db-0'];
    expect(await left({ mysqlOperator: {} }, { cluster: labelled('shop') })).toEqual({ asked, names });
    // The InnoDBCluster is gone already.
    expect(await left({ mysqlOperator: {} })).toEqual({ asked, names });
  });

  it('are not those that are being deleted already', async () => {
    const claims = [claim('datadir-shop-db-0', { deletionTimestamp: '2026-01-01T00:00:00Z' })];
    expect((await left({ mysqlOperator: {} }, { claims })).names).toEqual([]);
  });

  it.each([
    ['a cluster that the resource refers to', { mysqlOperator: { name: 'shop-db' } }, labelled('shop')],
    ['a cluster of that name that somebody else made', { mysqlOperator: {} }, labelled('other')],
    ['a cluster of that name without a label', { mysqlOperator: {} }, { metadata: {} }],
    ['a Cluster, whose operator leaves none', { cloudNativePG: {} }, undefined],
    ['a MariaDB, whose operator leaves none', { mariadbOperator: {} }, undefined],
    ['a managed database', { managed: {} }, undefined],
  ])('are none of %s, and nobody asks for them', async (_, database, cluster) => {
    expect(await left(database, { cluster: cluster as object })).toEqual({ asked: [], names: [] });
  });
});
