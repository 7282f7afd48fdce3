import { describe, expect, it } from 'vitest';
import { fieldOwners } from './fieldOwners.ts';

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
    ['spec.replicas', ['kubectl-edit']],
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
