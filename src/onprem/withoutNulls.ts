/** Fields whose content is the caller's own: it is passed on as it is. */
const OPAQUE: ReadonlySet<string> = new Set([
  'flow_action_payload',
  'flow_action_data',
  'saved_addresses',
  'values',
]);

/** JSON without the fields that are null: clients write optional fields so. Source: docs/onprem/api-admin.md §1.2. */
export const withoutNulls = (value: unknown): unknown => (hasNull(value) ? copyWithoutNulls(value) : value);

/** Most bodies have none, and to look costs less than a copy. */
function hasNull(value: unknown): boolean {
  if (typeof value !== 'object') return false;
  return value === null || Object.values(value).some(hasNull);
}

function copyWithoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(copyWithoutNulls);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, inner]) => inner !== null)
      .map(([name, inner]) => [name, OPAQUE.has(name) ? inner : copyWithoutNulls(inner)]),
  );
}
