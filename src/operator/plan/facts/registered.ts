import type { ApiObservation } from './observed.ts';

/** True if any node has an account, false if all nodes report none, otherwise undefined. */
export function looksRegistered({ health }: Pick<ApiObservation, 'health'>): boolean | undefined {
  const states = Object.values(health).flatMap(({ gateway_status }) => gateway_status ?? []);
  if (states.some((state) => state === 'connected' || state === 'connecting' || state === 'disconnected'))
    return true;
  return states.length > 0 && states.every((state) => state === 'unregistered') ? false : undefined;
}
