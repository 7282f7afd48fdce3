import { describe, expect, it } from 'vitest';
import { ALLOWED_POD_TEMPLATES, FORBIDDEN_POD_TEMPLATES } from '../../../../test/support/podTemplates.ts';
import { POD_RULES } from '../../resource/podRules.ts';
import { forbiddenPodFields, oversizedPodTemplates } from './podSecurity.ts';

const template = (podTemplate: object) => forbiddenPodFields({ coreapp: { podTemplate } });
const AT = 'spec.coreapp.podTemplate';

describe('the pods of a stack', () => {
  it('may have what a tenant needs', () => {
    for (const allowed of ALLOWED_POD_TEMPLATES) expect(template(allowed)).toEqual([]);
    expect(forbiddenPodFields({ phoneNumber: '+1' })).toEqual([]);
  });

  it.each(FORBIDDEN_POD_TEMPLATES)('may not have %s of %j', (path, podTemplate) => {
    expect(template(podTemplate)).toEqual([expect.stringContaining(`${AT}.${path}: `)]);
  });

  it('have an example for every rule', () => {
    const broken = FORBIDDEN_POD_TEMPLATES.map(([path]) => path.replaceAll(/\[\d+\]/g, '[]'));
    expect(POD_RULES.map(({ path }) => path).filter((path) => !broken.includes(path))).toEqual([]);
  });

  it('are found in every role, also in one that gets a podTemplate later', () => {
    const bad = { podTemplate: { securityContext: { runAsUser: 0 } } };
    expect(
      forbiddenPodFields({ a: bad, b: { c: bad }, d: [bad] }).map((text) => text.split('.podTemplate')[0]),
    ).toEqual(['spec.a', 'spec.b.c', 'spec.d[0]']);
  });

  it('may have a podTemplate of a reasonable size only', () => {
    const spec = (size: number) => ({ coreapp: { podTemplate: { annotations: { a: 'x'.repeat(size) } } } });
    expect(oversizedPodTemplates(spec(30_000))).toEqual([]);
    expect(oversizedPodTemplates(spec(33_000))).toEqual([expect.stringContaining(`${AT}: 33024 bytes`)]);
  });

  it('may hold whatever else people send, without harm', () => {
    for (const odd of [
      undefined,
      null,
      'text',
      7,
      [null],
      { volumes: 'x', sidecars: [null, 7], env: {}, securityContext: [] },
    ]) {
      expect(forbiddenPodFields({ coreapp: { podTemplate: odd } })).toEqual([]);
      expect(oversizedPodTemplates({ coreapp: { podTemplate: odd } })).toEqual([]);
    }
  });
});
