import { describe, expect, it } from 'vitest';
import { everyChild } from '../../../../test/support/everyChild.ts';
import { whatsAppDeployment } from '../../../../test/support/whatsAppDeployment.ts';
import {
  OWN_CONTAINERS,
  OWN_LABELS,
  OWN_NODE_VOLUMES,
  OWN_VARIABLES,
} from '../../resource/podTemplateSpec.ts';
import { API_GROUP } from '../../resource/whatsAppDeployment.ts';

interface Template {
  readonly metadata: { readonly labels: Readonly<Record<string, string>> };
  readonly spec: {
    readonly affinity?: object;
    readonly topologySpreadConstraints?: readonly { readonly topologyKey: string }[];
    readonly containers: readonly {
      readonly name: string;
      readonly env: readonly { readonly name: string; readonly value?: string }[];
    }[];
    readonly volumes?: readonly { readonly name: string }[];
  };
}

const external = {
  external: {
    host: 'db',
    credentialsSecretRef: { name: 'db' },
    tls: { mode: 'VerifyCA', caSecretRef: { name: 'ca', key: 'ca.crt' } },
  },
};
const templates = (spec: object): { readonly component: string; readonly template: Template }[] =>
  everyChild(whatsAppDeployment({ spec })).flatMap(({ spec: content }) => {
    const { template } = (content ?? {}) as { template?: Template };
    return template ? [{ component: template.spec.containers[0]?.name ?? '', template }] : [];
  });
const nodesOf = (spec: object) =>
  templates(spec).filter(({ component }) => ['webapp', 'master', 'coreapp'].includes(component));
const withPods = (podTemplate: object) => ({
  nodes: { webapp: { podTemplate }, master: { podTemplate }, coreapp: { podTemplate } },
});

describe('pod templates', () => {
  it('spread pods over machines, unless the user says where they run', () => {
    const spreads = (spec: object) =>
      new Set(
        nodesOf(spec).map(({ template: { spec: pod } }) =>
          pod.topologySpreadConstraints?.map(({ topologyKey }) => topologyKey).join(),
        ),
      );
    const affinity = { podAntiAffinity: {} };
    const zones = { maxSkew: 1, topologyKey: 'zone', whenUnsatisfiable: 'DoNotSchedule' };
    expect(spreads({})).toEqual(new Set(['kubernetes.io/hostname']));
    expect(spreads(withPods({ affinity }))).toEqual(new Set([undefined]));
    expect(spreads(withPods({ topologySpreadConstraints: [zones] }))).toEqual(new Set(['zone']));
    expect(spreads(withPods({ affinity, topologySpreadConstraints: [zones] }))).toEqual(new Set(['zone']));
  });

  it('verify the name of an external database where VerifyFull asks for it, and say nothing with VerifyCA', () => {
    const modes = (mode: string) =>
      templates({
        database: { external: { ...external.external, tls: { ...external.external.tls, mode } } },
      }).flatMap(({ component, template }) =>
        template.spec.containers
          .flatMap(({ env }) => env)
          .filter(({ name }) => name === 'WABA_DB_SSL_MODE')
          .map(({ value }) => `${component} ${value}`),
      );
    const all = ['webapp', 'master', 'coreapp', 'schema', 'database-check'];
    expect(new Set(modes('VerifyFull'))).toEqual(new Set(all.map((component) => `${component} verify-full`)));
    expect(modes('VerifyCA')).toEqual([]);
    expect(modes('Disable')).toEqual([]);
  });

  it('have no name that a user could give to something else', () => {
    for (const database of [{ managed: {} }, external])
      for (const { component, template } of templates({ database, version: 'v2.57.1' })) {
        // The template of the schema Job, which takes no sidecars, is that of these too.
        expect([...OWN_CONTAINERS, 'database-check', 'password-rotation']).toContain(component);
        const ours = Object.keys(template.metadata.labels).filter(
          (label) => !label.startsWith(`${API_GROUP}/`),
        );
        expect(OWN_LABELS).toEqual(expect.arrayContaining(ours));
      }
    for (const { template } of nodesOf({ database: external, version: 'v2.57.1' })) {
      const { containers, volumes = [] } = template.spec;
      expect(OWN_NODE_VOLUMES).toEqual(expect.arrayContaining(volumes.map(({ name }) => name)));
      const variables = containers.flatMap(({ env }) => env.map(({ name }) => name));
      expect(variables.length).toBeGreaterThan(5);
      expect(variables.filter((name) => !OWN_VARIABLES.some((prefix) => name.startsWith(prefix)))).toEqual(
        [],
      );
    }
  });
});
