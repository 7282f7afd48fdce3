import * as z from 'zod';
import { whatsAppDeploymentSpec } from './spec.ts';
import { rootRules, whatsAppDeploymentStatus } from './status.ts';
import {
  BACKUP_KIND,
  BACKUP_PLURAL,
  backupRootRules,
  whatsAppBackupSpec,
  whatsAppBackupStatus,
} from './whatsAppBackup.ts';
import { API_GROUP, KIND, PLURAL } from './whatsAppDeployment.ts';
import { FLEET_KIND, FLEET_PLURAL, whatsAppFleetSpec, whatsAppFleetStatus } from './whatsAppFleet.ts';

export type Json = { [key: string]: unknown };

const STATUS = '.status';
const conditionPath = (type: string, field: string) => `.status.conditions[?(@.type=="${type}")].${field}`;

const printerColumns = [
  ['Number', 'string', '.spec.phoneNumber', 0],
  ['State', 'string', `${STATUS}.phase`, 0],
  ['Ready', 'string', conditionPath('Ready', 'status'), 0],
  ['Reason', 'string', conditionPath('Ready', 'reason'), 0],
  ['Version', 'string', `${STATUS}.client.version`, 0],
  ['Masters', 'string', `${STATUS}.summary.masters`, 0],
  ['Shards', 'string', `${STATUS}.summary.shards`, 0],
  ['Webapps', 'string', `${STATUS}.summary.webapps`, 0],
  ['Age', 'date', '.metadata.creationTimestamp', 0],
  ['Database', 'string', `${STATUS}.database.engine`, 1],
  ['Expires', 'string', `${STATUS}.client.expires`, 1],
] as const;

/** JSON Schema of a zod schema in the form that a CRD accepts (structural, no unions, no `$ref`). */
export function openApiSchema(schema: z.ZodType): Json {
  return structural(
    z.toJSONSchema(schema, {
      target: 'openapi-3.0',
      io: 'input',
      reused: 'inline',
      unrepresentable: 'any',
    }) as Json,
  );
}

const DROPPED = new Set([
  'additionalProperties',
  'propertyNames',
  'planned',
  '$schema',
  'required',
  'anyOf',
  'const',
]);
const MAX_SAFE = Number.MAX_SAFE_INTEGER;

function structural(node: Json): Json {
  if (node['x-kubernetes-int-or-string']) {
    const { description, ...bounds } = pick(node, ['description', 'default', 'x-kubernetes-validations']);
    return { ...(description ? { description } : {}), ...bounds, 'x-kubernetes-int-or-string': true };
  }
  if (node['x-kubernetes-preserve-unknown-fields']) {
    return { ...pick(node, ['description']), type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
  }
  const alternatives = node.anyOf as Json[] | undefined;
  if (alternatives) return structural({ ...node, anyOf: undefined, ...mergedEnum(alternatives) });

  const result: Json = {};
  for (const [key, value] of Object.entries(node)) {
    if (value === undefined || DROPPED.has(key)) continue;
    // zod bounds every integer by the range of JavaScript; the CRD does not need these bounds.
    if ((key === 'maximum' && value === MAX_SAFE) || (key === 'minimum' && value === -MAX_SAFE)) continue;
    result[key] = value;
  }
  if (node.type === 'object') {
    const properties = node.properties as { [name: string]: Json } | undefined;
    const values = node.additionalProperties;
    if (properties) {
      result.properties = Object.fromEntries(
        Object.entries(properties).map(([name, field]) => [name, structural(field)]),
      );
      // The API server fills in defaults before it validates, so a field with a default is never required.
      const required = ((node.required as string[]) ?? []).filter(
        (name) => properties[name]?.default === undefined,
      );
      if (required.length > 0) result.required = required;
      // A loose object keeps unknown fields.
      if (isLoose(values)) result['x-kubernetes-preserve-unknown-fields'] = true;
    } else if (typeof values === 'object' && values !== null) {
      result.additionalProperties = structural(values as Json);
    }
  }
  if (node.items) result.items = structural(node.items as Json);
  return result;
}

const isLoose = (values: unknown) =>
  typeof values === 'object' && values !== null && Object.keys(values).length === 0;

const pick = (node: Json, keys: string[]): Json =>
  Object.fromEntries(keys.filter((key) => node[key] !== undefined).map((key) => [key, node[key]]));

/** Merges a union of literals into an enum. A structural schema cannot express other unions. */
function mergedEnum(alternatives: Json[]): Json {
  const values = alternatives.flatMap(
    (one) => (one.enum as unknown[] | undefined) ?? (one.const === undefined ? [] : [one.const]),
  );
  if (values.length < alternatives.length)
    throw new Error('a CRD cannot express this union; use an object with one optional field per alternative');
  return { type: alternatives[0]?.type === 'number' ? 'integer' : alternatives[0]?.type, enum: values };
}

interface Definition {
  readonly kind: string;
  readonly plural: string;
  readonly shortName: string;
  readonly description: string;
  /** The schema of `spec` and `status`. */
  readonly root: z.ZodType;
  readonly columns: readonly (readonly [name: string, type: string, jsonPath: string, priority: number])[];
  /** Besides `status`. */
  readonly subresources?: Json;
}

function customResourceDefinition({
  kind,
  plural,
  shortName,
  description,
  root,
  columns,
  subresources,
}: Definition): Json {
  const schema = openApiSchema(root) as { properties: { [name: string]: Json } };
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${API_GROUP}` },
    spec: {
      group: API_GROUP,
      scope: 'Namespaced',
      names: {
        kind,
        listKind: `${kind}List`,
        plural,
        singular: kind.toLowerCase(),
        shortNames: [shortName],
        categories: ['all'],
      },
      versions: [
        {
          name: 'v1alpha1',
          served: true,
          storage: true,
          subresources: { status: {}, ...subresources },
          additionalPrinterColumns: columns.map(([name, type, jsonPath, priority]) => ({
            name,
            type,
            jsonPath,
            priority,
          })),
          schema: {
            openAPIV3Schema: {
              description,
              ...schema,
              properties: {
                apiVersion: { type: 'string' },
                kind: { type: 'string' },
                metadata: { type: 'object' },
                ...schema.properties,
              },
            },
          },
        },
      ],
    },
  };
}

export const whatsAppDeploymentCrd = (): Json =>
  customResourceDefinition({
    kind: KIND,
    plural: PLURAL,
    shortName: 'wad',
    description:
      'A WhatsApp Business On-Premises stack for one phone number: Webapps, Masters, Coreapps, database and media.',
    root: rootRules(z.object({ spec: whatsAppDeploymentSpec, status: whatsAppDeploymentStatus.optional() })),
    columns: printerColumns,
    subresources: {
      scale: {
        specReplicasPath: '.spec.nodes.webapp.replicas',
        statusReplicasPath: '.status.scale.replicas',
        labelSelectorPath: '.status.scale.selector',
      },
    },
  });

const whatsAppBackupCrd = (): Json =>
  customResourceDefinition({
    kind: BACKUP_KIND,
    plural: BACKUP_PLURAL,
    shortName: 'wabk',
    description: 'A backup of a WhatsAppDeployment: its database, Secrets and settings, encrypted.',
    root: backupRootRules(z.object({ spec: whatsAppBackupSpec, status: whatsAppBackupStatus.optional() })),
    columns: [
      ['Deployment', 'string', '.spec.deployment', 0],
      ['Phase', 'string', `${STATUS}.phase`, 0],
      ['Reason', 'string', conditionPath('Complete', 'reason'), 0],
      ['Bytes', 'integer', `${STATUS}.storedBytes`, 0],
      ['Completed', 'date', `${STATUS}.completedAt`, 0],
      ['Age', 'date', '.metadata.creationTimestamp', 0],
      ['Location', 'string', `${STATUS}.location`, 1],
    ],
  });

const whatsAppFleetCrd = (): Json =>
  customResourceDefinition({
    kind: FLEET_KIND,
    plural: FLEET_PLURAL,
    shortName: 'wafl',
    description:
      'A change that goes to many WhatsAppDeployments ring by ring, and halts at the first that fails.',
    root: z.object({ spec: whatsAppFleetSpec, status: whatsAppFleetStatus.optional() }),
    columns: [
      ['Version', 'string', '.spec.version', 0],
      ['State', 'string', `${STATUS}.phase`, 0],
      ['Ring', 'string', `${STATUS}.summary.ring`, 0],
      ['Updated', 'string', `${STATUS}.summary.updated`, 0],
      ['Age', 'date', '.metadata.creationTimestamp', 0],
      ['Message', 'string', conditionPath('Complete', 'message'), 1],
    ],
  });

/** The CustomResourceDefinitions of the operator, by plural. */
export const CUSTOM_RESOURCES: Readonly<Record<string, () => Json>> = {
  [PLURAL]: whatsAppDeploymentCrd,
  [BACKUP_PLURAL]: whatsAppBackupCrd,
  [FLEET_PLURAL]: whatsAppFleetCrd,
};
