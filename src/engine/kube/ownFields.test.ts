import { describe, expect, it } from 'vitest';
import { differences, hashOf } from './ownFields.ts';

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

  it('hashes without regard to the order of keys, and with regard to everything else', () => {
    expect(hashOf({ a: 1, b: { c: 2, d: [1, 2] } })).toBe(hashOf({ b: { d: [1, 2], c: 2 }, a: 1 }));
    expect(hashOf({ a: [1, 2] })).not.toBe(hashOf({ a: [2, 1] }));
  });
});
