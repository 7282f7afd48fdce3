/** The version of the Graph API that the gateway speaks unless told otherwise. */
export const GRAPH_VERSION = 'v26.0';

/** When each version ends. The current one has no end yet. Source: docs/onprem/cloud-migration.md §17.1. */
const ENDS: Readonly<Record<string, string>> = {
  'v21.0': '2027-01-21',
  'v22.0': '2027-05-20',
  'v23.0': '2027-10-08',
  'v24.0': '2028-02-18',
  'v25.0': '2028-07-29',
};

const OLDEST_KNOWN = 21;
const majorOf = (version: string): number => Number(version.slice(1).split('.')[0]);

/** Epoch ms. `ended`: it is older than any of which an end is known. `open`: none is known. */
export function graphVersionEnd(version: string): number | 'ended' | 'open' {
  const end = ENDS[version];
  if (end !== undefined) return Date.parse(end);
  return majorOf(version) < OLDEST_KNOWN ? 'ended' : 'open';
}
