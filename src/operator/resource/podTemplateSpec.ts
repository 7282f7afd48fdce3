import * as z from 'zod';
import {
  described,
  listByKeys,
  listByName,
  listOf,
  objectName,
  passThrough,
  type Rule,
  stringMap,
  withRules,
} from './fields.ts';

/** What users may change in pods. Names that the operator uses itself are refused, because Kubernetes would refuse the pod. */

const DNS_LABEL = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const ENV_NAME = /^[A-Za-z_][-._A-Za-z0-9]*$/;
const LABEL_VALUE = /^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$/;

/** Names of the operator's own containers: the components of a stack. */
export const OWN_CONTAINERS = [
  'webapp',
  'master',
  'coreapp',
  'database',
  'network',
  'gateway',
  'schema',
] as const;
/** Volumes of the operator in the pods of Webapps, Masters and Coreapps. */
export const OWN_NODE_VOLUMES = ['media', 'database-ca', 'database-client'] as const;
/** Volumes of the operator in the pods of a managed database, of the network process, and of the gateway. */
export const OWN_DATABASE_VOLUMES = ['data', 'run', 'tmp', 'database-tls'] as const;
export const OWN_NETWORK_VOLUMES = ['data'] as const;
export const OWN_GATEWAY_VOLUMES = ['data', 'secrets'] as const;
/** Variables of the operator, by the beginning of their names. */
export const OWN_VARIABLES = ['WA_', 'WACORE_', 'COREAPP_', 'WABA_'] as const;
/** Labels by which the operator and Kubernetes find pods. */
export const OWN_LABELS = [
  'app.kubernetes.io/name',
  'app.kubernetes.io/instance',
  'app.kubernetes.io/component',
  'app.kubernetes.io/managed-by',
  'app.kubernetes.io/version',
  'controller-revision-hash',
  'pod-template-hash',
] as const;
const OWN_DOMAIN = 'waba-operator.dev/';

const cases = { lower: 'a-z', any: 'A-Za-z' } as const;
/** The key of a label or annotation: an optional domain, a slash, and a name of at most 63 characters. */
const keyPattern = (letters: keyof typeof cases): string => {
  const part = `[${cases[letters]}0-9]([-${cases[letters]}0-9]*[${cases[letters]}0-9])?`;
  return `^(${part}(\\.${part})*/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$`;
};

/** A rule for the keys of a map. The domain of a key has at most 253 characters. */
const keysMatch = (letters: keyof typeof cases, what: string) => {
  const pattern = keyPattern(letters);
  const regex = new RegExp(pattern);
  return {
    cel: `self.all(key, key.size() <= 317 && key.indexOf('/') <= 253 && key.matches(r'${pattern}'))`,
    message: `the key of ${what} must be a name such as team or example.org/team, of letters, digits, -, _ and .`,
    check: (map: Readonly<Record<string, string>>) =>
      Object.keys(map).every((key) => key.length <= 317 && key.indexOf('/') <= 253 && regex.test(key)),
  };
};

const keysAreFree = (own: readonly string[], what: string) => ({
  cel: `self.all(key, !(key in [${own.map((key) => `'${key}'`).join(', ')}]) && !key.startsWith('${OWN_DOMAIN}'))`,
  message: `${what} of the operator and of Kubernetes cannot be changed; use another key`,
  check: (map: Readonly<Record<string, string>>) =>
    Object.keys(map).every((key) => !own.includes(key) && !key.startsWith(OWN_DOMAIN)),
});

const labelKey = new RegExp(keyPattern('lower'));

const labels = withRules(stringMap(32, 'Extra pod labels.', { maxLength: 63, pattern: LABEL_VALUE }), [
  keysMatch('lower', 'a label'),
  keysAreFree(OWN_LABELS, 'labels'),
]);

/** The annotations of an object have 256 KiB together, also with those of the operator. */
export const annotationMap = (description: string, more: readonly Rule<Record<string, string>>[] = []) =>
  withRules(stringMap(32, description, { maxLength: 7_000 }), [
    keysMatch('any', 'an annotation'),
    keysAreFree([], 'annotations'),
    ...more,
  ]);

const env = listByName(
  withRules(
    z.object({
      name: described('Name of the variable.', z.string().min(1).max(253).regex(ENV_NAME)),
      value: described('Value of the variable.', z.string().max(4096)).optional(),
      valueFrom: passThrough('Source of the value, as in a Pod.').optional(),
    }),
    [
      {
        cel: OWN_VARIABLES.map((prefix) => `!self.name.startsWith('${prefix}')`).join(' && '),
        message: `${OWN_VARIABLES.map((prefix) => `${prefix}*`).join(', ')} variables are set by the operator; use the fields of spec instead`,
        check: ({ name }) => !OWN_VARIABLES.some((prefix) => name.startsWith(prefix)),
      },
      {
        cel: '!(has(self.value) && has(self.valueFrom))',
        message: 'set either value or valueFrom of a variable, not both',
        check: ({ value, valueFrom }) => value === undefined || valueFrom === undefined,
      },
    ],
  ),
  32,
  'Extra environment variables of the main container.',
);

const volumes = (own: readonly string[]) =>
  listByName(
    withRules(
      described(
        'A volume, as in a Pod.',
        z.looseObject({ name: described('Name of the volume.', z.string().min(1).max(63).regex(DNS_LABEL)) }),
      ),
      [
        {
          cel: `!(self.name in [${own.map((name) => `'${name}'`).join(', ')}])`,
          message: `volumes ${own.join(', ')} are those of the operator; give the volume another name`,
          check: ({ name }) => !own.includes(name),
        },
      ],
    ),
    16,
    'Extra volumes, for sidecars.',
  );

const sidecars = listByName(
  withRules(
    described(
      'A container, as in a Pod.',
      z.looseObject({
        name: described('Name of the container.', z.string().min(1).max(63).regex(DNS_LABEL)),
        image: described('Image of the container.', z.string().min(1).max(512).regex(/^\S+$/)),
      }),
    ),
    [
      {
        cel: `!(self.name in [${OWN_CONTAINERS.map((name) => `'${name}'`).join(', ')}])`,
        message: `containers ${OWN_CONTAINERS.join(', ')} are those of the operator; give the sidecar another name`,
        check: ({ name }) => !OWN_CONTAINERS.some((own) => own === name),
      },
    ],
  ),
  8,
  'Extra containers of the pod.',
);

/**
 * The changes that users may make to the pods of a role; not the command, ports, probes and `WA_*` variables.
 * @param ownVolumes names of the volumes that the operator gives these pods
 */
export const podTemplateOf = (ownVolumes: readonly string[]) =>
  described(
    'Changes to the pods of this role. Command, ports, probes and `WA_*` variables cannot be changed.',
    z
      .object({
        labels,
        annotations: annotationMap('Extra pod annotations.'),
        nodeSelector: withRules(
          stringMap(32, 'Labels of the nodes on which the pods may run.', {
            maxLength: 63,
            pattern: LABEL_VALUE,
          }),
          [keysMatch('lower', 'a node label')],
        ),
        affinity: passThrough(
          'Affinity, as in a Pod. Replaces the default, which spreads pods over nodes; to keep it as well, set topologySpreadConstraints.',
        ),
        tolerations: listOf(passThrough('A toleration, as in a Pod.'), 32, 'Tolerations, as in a Pod.'),
        topologySpreadConstraints: listByKeys(
          described(
            'A topology spread constraint, as in a Pod.',
            z.looseObject({
              maxSkew: described('Largest difference between two domains.', z.int().min(1).max(1000)),
              topologyKey: described(
                'Label of the nodes that makes domains.',
                z.string().min(1).max(317).regex(labelKey),
              ),
              whenUnsatisfiable: described(
                'What happens to a pod that fits nowhere.',
                z.enum(['DoNotSchedule', 'ScheduleAnyway']),
              ),
            }),
          ),
          8,
          'Topology spread constraints, as in a Pod. Replace the default, which spreads pods over nodes.',
          ['topologyKey', 'whenUnsatisfiable'],
        ),
        priorityClassName: objectName('Priority class of the pods.'),
        runtimeClassName: objectName('Runtime class of the pods.'),
        securityContext: passThrough('Pod security context, as in a Pod.'),
        env,
        volumes: volumes(ownVolumes),
        sidecars,
      })
      .partial(),
  );

export const podTemplate = podTemplateOf(OWN_NODE_VOLUMES);
