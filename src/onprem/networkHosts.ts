/**
 * Hosts that a Coreapp of the vendor's must reach, each at one of these ports. The vendor's tool also asks for registries of
 * images that no longer exist. Source: docs/onprem/deployment.md §8.3.
 */
export const WHATSAPP_HOSTS: readonly { readonly host: string; readonly ports: readonly number[] }[] = [
  { host: 'g.whatsapp.net', ports: [5222, 443] },
  { host: 'v.whatsapp.net', ports: [443, 5222] },
  { host: 'mmg.whatsapp.net', ports: [443, 5222] },
  { host: 'graph.facebook.com', ports: [443, 5222] },
];
