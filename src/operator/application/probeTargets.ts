import { isLinkLocal, isPublicAddress } from '../../base/publicAddress.ts';

/** Which receivers the operator may connect to. */
export type ProbeScope = 'Public' | 'All';

/**
 * Whether the operator may probe a receiver. Whoever may create a stack chooses the address, and reads in the status how
 * far the probe got: without a limit, the operator would scan networks that they cannot reach themselves. A Service of
 * the stack's own namespace is always allowed, because its user can reach that too.
 */
export function mayProbe(
  {
    host,
    address,
    namespace,
  }: { readonly host: string; readonly address: string; readonly namespace: string },
  scope: ProbeScope,
): boolean {
  if (scope === 'All') return true;
  return isServiceIn(namespace, host) ? !isLinkLocal(address) : isPublicAddress(address);
}

const isServiceIn = (namespace: string, host: string): boolean => {
  const [, second, third] = host.toLowerCase().split('.');
  return second === namespace && third === 'svc';
};
