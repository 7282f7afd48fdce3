import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { badResources } from '../../../test/support/badResources.ts';
import { type Json, whatsAppDeploymentCrd } from './crd.ts';
import { planned } from './fields.ts';
import { notImplementedPaths } from './notImplemented.ts';
import { whatsAppDeploymentSpec } from './spec.ts';

const spec = (value: object) => whatsAppDeploymentSpec.parse({ phoneNumber: '+16315551000', ...value });

describe('the resource in TypeScript', () => {
  it.each(badResources)('refuses $name like the API server', ({ spec: bad, says, rule }) => {
    const parsed = whatsAppDeploymentSpec.safeParse(bad);
    expect(parsed.success).toBe(false);
    if (rule) expect(parsed.error?.issues.map(({ message }) => message).join()).toContain(says);
  });

  it('has a bad resource for each CEL rule of spec', () => {
    // Rules about a change are tried on a real API server, in test/control-plane.
    const rules = rulesOf(specSchema()).filter(({ rule }) => !rule.includes('oldSelf'));
    const messages = [...new Set(rules.map(({ message }) => message))];
    const covered = (message: string) => badResources.some(({ says }) => message.includes(says));
    expect(messages.length).toBeGreaterThan(10);
    expect(messages.filter((message) => !covered(message))).toEqual([]);
  });
});

describe('the CRD', () => {
  it('bounds every string, list and map, because CEL costs are computed from the worst case', () => {
    expect(unbounded(specSchema(), 'spec')).toEqual([]);
  });

  it('stays below 256 kB', () => {
    expect(JSON.stringify(whatsAppDeploymentCrd()).length).toBeLessThan(256_000);
  });

  it('describes every top-level field of spec', () => {
    const fields = Object.entries(specSchema().properties as Record<string, Json>);
    expect(fields.filter(([, field]) => !field.description).map(([name]) => name)).toEqual([]);
  });
});

describe('fields that are not acted on yet', () => {
  it('do not occur in the smallest resource', () => {
    expect(notImplementedPaths(whatsAppDeploymentSpec, spec({}))).toEqual([]);
  });

  it('are named by path, by value, and inside lists and objects', () => {
    const schema = z.object({
      mode: planned(z.enum(['Now', 'Later']), ['Later']),
      rooms: z.array(z.object({ colour: planned(z.string()).optional() })),
    });
    const value = schema.parse({ mode: 'Later', rooms: [{}, { colour: 'red' }] });
    expect(notImplementedPaths(schema, value)).toEqual(['spec.mode=Later', 'spec.rooms[1].colour']);
  });
});

function specSchema(): Json {
  const crd = whatsAppDeploymentCrd() as {
    spec: { versions: { schema: { openAPIV3Schema: { properties: { spec: Json } } } }[] };
  };
  const version = crd.spec.versions[0];
  if (!version) throw new Error('no version');
  return version.schema.openAPIV3Schema.properties.spec;
}

function rulesOf(json: Json): { rule: string; message: string }[] {
  const children = [
    ...Object.values((json.properties ?? {}) as Record<string, Json>),
    ...(json.items ? [json.items as Json] : []),
  ];
  return [
    ...((json['x-kubernetes-validations'] ?? []) as { rule: string; message: string }[]),
    ...children.flatMap(rulesOf),
  ];
}

function unbounded(json: Json, path: string): string[] {
  const own =
    (json.type === 'string' && json.maxLength === undefined && !json.enum) ||
    (json.type === 'array' && json.maxItems === undefined) ||
    (json.additionalProperties !== undefined && json.maxProperties === undefined)
      ? [path]
      : [];
  return [
    ...own,
    ...Object.entries((json.properties ?? {}) as Record<string, Json>).flatMap(([name, field]) =>
      unbounded(field, `${path}.${name}`),
    ),
    ...(json.items ? unbounded(json.items as Json, `${path}[]`) : []),
  ];
}
