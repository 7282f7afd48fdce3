import type { Clock } from '../base/clock.ts';
import { CodedError } from '../base/codedError.ts';
import { waitUntil } from '../base/waitUntil.ts';
import { splitNumber } from '../onprem/account.ts';
import { codeHash, encodeCertificate } from '../onprem/emulatorCertificate.ts';
import type { CoreappNode } from './coreapp/coreappNode.ts';
import { nodeHandlers } from './coreapp/nodeHandlers.ts';
import type { NodeProtocol } from './wire/nodeProtocol.ts';
import type { Peer } from './wire/rpcServer.ts';

const READY_TIMEOUT_MS = 30_000;

/** Registers the number unless it is registered, and waits for the session. */
export async function makeReady(
  coreapp: CoreappNode,
  { clock, phoneNumber }: { readonly clock: Clock; readonly phoneNumber: string },
  code: string,
  signal: AbortSignal,
): Promise<void> {
  const calls = nodeHandlers(coreapp);
  const nobody = undefined as unknown as Peer<NodeProtocol>;
  const { cc, phoneNumber: rest } = splitNumber(phoneNumber);
  const cert = encodeCertificate({ vname: 'Laptop', number: cc + rest, codeHash: codeHash(code) });
  const step = async () => {
    // An expired build never connects; its API reports that.
    if (coreapp.gatewayStatus === 'connected' || (coreapp.isExpired && coreapp.isReady)) return true;
    const registered = coreapp.account && coreapp.account.cc + coreapp.account.phoneNumber === cc + rest;
    if (coreapp.isReady && (coreapp.gatewayStatus === 'unregistered' || !registered)) {
      const { outcome } = await calls.requestCode({ cc, phone_number: rest, method: 'sms', cert }, nobody);
      if (outcome === 'code-sent') await calls.verifyCode({ code }, nobody);
    }
    coreapp.hurry();
    return false;
  };
  const late = () =>
    new CodedError('NotReady', `the emulator is ${coreapp.gatewayStatus} after ${READY_TIMEOUT_MS / 1000} s`);
  await waitUntil(step, { clock, everyMs: 20, timeoutMs: READY_TIMEOUT_MS, late }, signal);
}
