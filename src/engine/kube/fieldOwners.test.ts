import { describe, expect, it } from 'vitest';
import { fieldOwners, joinedOwnership, lastWriterNear } from './fieldOwners.ts';

const managedFields = [
  {
    manager: 'kubectl-edit',
    fieldsV1: {
      'f:metadata': { 'f:annotations': { '.': {}, 'f:example.org/note': {} } },
      'f:spec': {
        'f:replicas': {},
        'f:template': {
          'f:spec': {
            'f:containers': { 'k:{"name":"app"}': { '.': {}, 'f:image': {}, 'f:args': {} } },
          },
        },
      },
    },
  },
  { manager: 'autoscaler', subresource: 'scale', fieldsV1: { 'f:spec': { 'f:replicas': {} } } },
  { manager: 'other', fieldsV1: { 'f:spec': { 'f:paused': {} } } },
];

describe('field owners', () => {
  it.each([
    ['spec.replicas', ['kubectl-edit', 'autoscaler (subresource scale)']],
    ['spec.paused', ['other']],
    ['spec.template.spec.containers[name=app].image', ['kubectl-edit']],
    ['spec.template.spec.containers[name=app].args[0]', ['kubectl-edit']],
    ['metadata.annotations.example.org/note', ['kubectl-edit']],
    ['spec.template.spec.containers[name=other].image', []],
    ['spec.strategy', []],
  ])('of %s are %j', (path, owners) => {
    expect(fieldOwners(managedFields, path)).toEqual(owners);
  });
});

describe('a field that has no owner', () => {
  const writers = [
    { manager: 'old', time: '2026-01-01T00:00:00Z', fieldsV1: { 'f:spec': { 'f:ports': {} } } },
    { manager: 'kubectl-edit', time: '2026-02-01T00:00:00Z', fieldsV1: { 'f:spec': { 'f:ports': {} } } },
    { manager: 'kubelet', subresource: 'status', time: '2026-03-01T00:00:00Z', fieldsV1: { 'f:spec': {} } },
  ];
  it.each([
    ['spec.ports[port=443]', 'kubectl-edit'],
    ['data.key', undefined],
  ])('was perhaps removed by who last wrote beside it (%s)', (path, writer) => {
    expect(lastWriterNear(writers, path)).toBe(writer);
  });
});

describe('ownership after a replacement', () => {
  it('leaves fields and entries that the manifest does not have to whoever has them', () => {
    const image = { '.': {}, 'f:image': {} };
    const fieldsV1 = {
      'f:spec': {
        'f:containers': { 'k:{"name":"app"}': { ...image, 'f:tty': {} }, 'k:{"name":"sidecar"}': image },
        'f:ports': {
          'k:{"port":443,"protocol":"TCP"}': { 'f:port': {} },
          'k:{"port":80,"protocol":"TCP"}': {},
        },
        'f:finalizers': { 'v:"ours"': {}, 'v:"theirs"': {} },
        'f:paused': {},
      },
    };
    const manifest = {
      spec: { containers: [{ name: 'app', image: 'a' }], ports: [{ port: 443 }], finalizers: ['ours'] },
    };
    expect(joinedOwnership([{ manager: 'us', operation: 'Update', fieldsV1 }], 'us', manifest)).toEqual([
      {
        manager: 'us',
        operation: 'Apply',
        fieldsV1: {
          'f:spec': {
            'f:containers': { 'k:{"name":"app"}': image },
            'f:ports': { 'k:{"port":443,"protocol":"TCP"}': { 'f:port': {} } },
            'f:finalizers': { 'v:"ours"': {} },
          },
        },
      },
    ]);
  });

  it('joins the fields of the replacement with those of the applies, and leaves other managers alone', () => {
    const entry = (manager: string, operation: string, fieldsV1: object) => ({
      manager,
      operation,
      fieldsV1,
    });
    const other = entry('other', 'Update', { 'f:data': {} });
    const ours = [
      entry('us', 'Apply', { 'f:spec': { 'f:a': {} } }),
      entry('us', 'Update', { 'f:spec': { 'f:b': {} } }),
    ];
    expect(joinedOwnership([...ours, other], 'us', { spec: { b: 1 } })).toEqual([
      other,
      entry('us', 'Apply', { 'f:spec': { 'f:a': {}, 'f:b': {} } }),
    ]);
    expect(joinedOwnership([other], 'us', {})).toBeUndefined();
  });
});
