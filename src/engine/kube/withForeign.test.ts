import { describe, expect, it } from 'vitest';
import type { KubeObject } from './kubeObject.ts';
import { withForeign } from './withForeign.ts';

const object = (spec: object, metadata: object = {}): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'web', ...metadata },
  spec,
});

describe('a replacement', () => {
  it('keeps labels and entries of others, and drops what excludes ours', () => {
    const desired = object(
      {
        selector: { app: 'web' },
        ports: [{ name: 'https', port: 443 }],
        volumes: [{ name: 'data', emptyDir: {} }],
      },
      { labels: { app: 'web' } },
    );
    const live = object(
      {
        clusterIP: '10.0.0.1',
        selector: { app: 'web', foo: 'bar' },
        ports: [
          { name: 'metrics', port: 9090, protocol: 'TCP' },
          { name: 'https', port: 8443, protocol: 'TCP' },
        ],
        volumes: [{ name: 'data', hostPath: { path: '/' } }, { name: 'mesh' }],
      },
      { labels: { team: 'a' }, resourceVersion: '7', managedFields: [{}] },
    );
    expect(withForeign(desired, live, 'fields')).toEqual(
      object(
        {
          clusterIP: '10.0.0.1',
          selector: { app: 'web' },
          ports: [
            { name: 'metrics', port: 9090, protocol: 'TCP' },
            { name: 'https', port: 443 },
          ],
          volumes: [{ name: 'data', emptyDir: {} }, { name: 'mesh' }],
        },
        { labels: { app: 'web', team: 'a' }, resourceVersion: '7' },
      ),
    );
  });

  it('drops other fields of others in the second attempt, and keeps their entries', () => {
    const desired = object({ type: 'ClusterIP', ports: [{ name: 'https', port: 443 }] });
    const live = object({
      type: 'LoadBalancer',
      loadBalancerSourceRanges: ['10.0.0.0/8'],
      ports: [{ name: 'metrics', port: 9090 }],
    });
    expect(withForeign(desired, live, 'entries').spec).toEqual({
      type: 'ClusterIP',
      ports: [
        { name: 'metrics', port: 9090 },
        { name: 'https', port: 443 },
      ],
    });
  });

  it('keeps the order of the live list, because another order of containers restarts pods', () => {
    const desired = object({ containers: [{ name: 'web', image: 'a' }] });
    const live = object({ containers: [{ name: 'mesh' }, { name: 'web', image: 'b', tty: true }] });
    expect(withForeign(desired, live, 'fields').spec).toEqual({
      containers: [{ name: 'mesh' }, { name: 'web', image: 'a', tty: true }],
    });
  });
});
