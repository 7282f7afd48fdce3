import { describe, expect, it } from 'vitest';
import { differences, hashOf, withLiveAt } from './ownFields.ts';

describe('own-field comparison', () => {
  it('ignores what the server or others add', () => {
    const desired = { spec: { replicas: 2, template: { containers: [{ name: 'web', image: 'a' }] } } };
    const live = {
      spec: {
        replicas: 2,
        strategy: {},
        template: {
          containers: [{ name: 'web', image: 'a', terminationMessagePath: '/x' }, { name: 'injected' }],
        },
      },
      status: {},
    };
    expect(differences(desired, live)).toEqual([]);
  });

  it('names the path of what differs', () => {
    const desired = {
      spec: { template: { containers: [{ name: 'web', env: [{ name: 'A', value: '1' }] }] } },
    };
    const live = { spec: { template: { containers: [{ name: 'web', env: [{ name: 'A', value: '2' }] }] } } };
    expect(differences(desired, live)).toEqual(['spec.template.containers[name=web].env[name=A].value']);
  });

  it('notices a missing entry of a keyed list and of a plain list', () => {
    expect(differences({ ports: [{ name: 'https' }] }, { ports: [] })).toEqual(['ports[name=https]']);
    expect(differences({ args: ['a', 'b'] }, { args: ['a'] })).toEqual(['args']);
  });

  it('takes quantities for what they are worth', () => {
    expect(differences({ cpu: '1000m', memory: '1024Mi' }, { cpu: '1', memory: '1Gi' })).toEqual([]);
    expect(differences({ memory: '1Gi' }, { memory: '1G' })).toEqual(['memory']);
  });

  it('does not miss an empty value that the server left out', () => {
    expect(differences({ hostNetwork: false, labels: {}, env: [] }, {})).toEqual([]);
    expect(differences({ enabled: true }, {})).toEqual(['enabled']);
  });

  it('takes a text for a quantity only where Kubernetes does', () => {
    const env = (value: string) => ({ env: [{ name: 'LIMIT', value }] });
    expect(differences(env('1000m'), env('1'))).toEqual(['env[name=LIMIT].value']);
    expect(
      differences({ limits: { 'example.org/gpu': '1000m' } }, { limits: { 'example.org/gpu': '1' } }),
    ).toEqual([]);
  });

  it('sees what others added only where the schema merges nothing', () => {
    expect(differences({ labels: { a: '1' } }, { labels: { a: '1', b: '2' } })).toEqual([]);
    expect(differences({ selector: { a: '1' } }, { selector: { a: '1', b: '2' } })).toEqual(['selector.b']);
    expect(differences({ tolerations: [{ key: 'a' }] }, { tolerations: [{ key: 'a', value: 'b' }] })).toEqual(
      ['tolerations[0].value'],
    );
    const fieldRef = { fieldPath: 'status.podIP' };
    expect(differences({ fieldRef }, { fieldRef: { ...fieldRef, apiVersion: 'v1' } })).toEqual([]);
  });

  it('sees a field that excludes ours, and an entry that is there twice', () => {
    expect(
      differences({ volumes: [{ name: 'a', emptyDir: {} }] }, { volumes: [{ name: 'a', hostPath: {} }] }),
    ).toEqual(['volumes[name=a].hostPath']);
    const one = { name: 'A', value: '' };
    expect(differences({ env: [one] }, { env: [{ name: 'A', valueFrom: {} }] })).toEqual([
      'env[name=A].valueFrom',
    ]);
    expect(differences({ env: [one] }, { env: [one, one] })).toEqual(['env[name=A]']);
  });

  it('knows a port by its number', () => {
    const ports = (port: number) => ({ ports: [{ name: 'https', port, protocol: 'TCP' }] });
    expect(differences({ ports: [{ name: 'https', port: 443 }] }, ports(443))).toEqual([]);
    expect(differences({ ports: [{ name: 'https', port: 443 }] }, ports(8443))).toEqual(['ports[port=443]']);
  });

  it('leaves contested fields as they are', () => {
    const desired = {
      labels: { app: 'web' },
      spec: { replicas: 2, selector: { a: '1' }, env: [{ name: 'A', value: '1' }] },
    };
    const live = {
      labels: { app: 'x' },
      spec: { replicas: 5, selector: { a: '1', b: '2' }, env: [{ name: 'B' }] },
    };
    expect(withLiveAt(desired, live, ['spec.replicas', 'spec.selector.b', 'spec.env[name=A]'])).toEqual({
      labels: { app: 'web' },
      spec: { replicas: 5, selector: { a: '1', b: '2' }, env: [] },
    });
  });

  it('hashes without regard to the order of keys, and with regard to everything else', () => {
    expect(hashOf({ a: 1, b: { c: 2, d: [1, 2] } })).toBe(hashOf({ b: { d: [1, 2], c: 2 }, a: 1 }));
    expect(hashOf({ a: [1, 2] })).not.toBe(hashOf({ a: [2, 1] }));
  });
});
