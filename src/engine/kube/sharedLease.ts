/** Holds the Lease of all replicas that divide the namespaces into so many shards. */
export const sharedIdentity = (shards: number): string => `${shards} shards`;

/** Whether the holder of a Lease is not one replica, but all that divide the namespaces in one way. */
export const isSharedIdentity = (holder: string): boolean => /^\d+ shards$/.test(holder);
