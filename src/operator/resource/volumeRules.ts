/** Rules of the PersistentVolumeClaims that the operator creates: what Kubernetes refuses of their changes. */

const MOVE =
  'To move the data, create another WhatsAppDeployment with the wanted storage and copy the data there';

/** `classOf` makes CEL for self and oldSelf; `unless` is CEL for when the rule does not hold. */
export const storageClassRule = (field: string, classOf: (self: string) => string, unless = 'false') => ({
  cel: `${unless} || ${classOf('self')} == ${classOf('oldSelf')}`,
  message: `${field}.storageClassName cannot change once the volume exists; set it back. ${MOVE}`,
});

/** Of the whole object, because a size may be set back to the one that the claim kept, and only the status tells that. */
function sizeRule(
  field: string,
  volume: 'database' | 'media' | 'gateway',
  sizeOf: (spec: string) => string,
  unless: string,
) {
  const [now, before] = [sizeOf('self.spec'), sizeOf('oldSelf.spec')];
  const kept = `self.status.volumes.${volume}`;
  const isKept = ['self.status', 'self.status.volumes', kept].map((path) => `has(${path})`).join(' && ');
  const isAtLeast = (size: string) => `quantity(${now}).compareTo(quantity(${size})) >= 0`;
  return {
    cel: `${unless} || !isQuantity(${now}) || !isQuantity(${before}) || ${isAtLeast(before)} || (${isKept} && isQuantity(${kept}) && ${isAtLeast(kept)})`,
    message: `${field}.size cannot shrink; set it back. ${MOVE}`,
  };
}

const inEither = (condition: (spec: string) => string): string =>
  ['self.spec', 'oldSelf.spec'].map((spec) => `(${condition(spec)})`).join(' || ');

export const volumeSizeRules = [
  sizeRule(
    'database.managed.storage',
    'database',
    (spec) => `string(${spec}.database.managed.storage.size)`,
    inEither((spec) => `!has(${spec}.database.managed)`),
  ),
  sizeRule(
    'media.storage',
    'media',
    (spec) =>
      `(has(${spec}.media) && has(${spec}.media.storage) ? string(${spec}.media.storage.size) : '10Gi')`,
    inEither((spec) => `has(${spec}.media) && has(${spec}.media.claimName)`),
  ),
  sizeRule(
    'cloud.gateway.storage',
    'gateway',
    (spec) =>
      `(has(${spec}.cloud.gateway) && has(${spec}.cloud.gateway.storage) ? string(${spec}.cloud.gateway.storage.size) : '1Gi')`,
    inEither((spec) => `!has(${spec}.cloud)`),
  ),
];
