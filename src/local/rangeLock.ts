import { createServer } from 'node:net';
import { CodedError } from '../base/codedError.ts';
import { listen, requireFreePort } from '../base/ports.ts';
import { addressRanges } from './clusterState.ts';

/**
 * A running cluster listens on this port of the last address of its pod range, where no pod is: the kernel grants it once,
 * whatever user or data folder a second cluster with the same range has.
 */
const LOCK_PORT = 44_555;
const lockHost = (index: number): string => `${addressRanges(index).podPrefix}.255.254`;

/** Whether a running cluster of this machine has the address range. */
export const isRangeHeld = (index: number): Promise<boolean> =>
  requireFreePort(LOCK_PORT, lockHost(index)).then(
    () => false,
    () => true,
  );

/** Holds an address range until the returned function is called. @throws CodedError `RangeTaken` */
export async function holdRange(name: string, index: number): Promise<() => void> {
  const server = createServer((socket) => socket.destroy());
  const { serviceCidr } = addressRanges(index);
  await listen(server, { host: lockHost(index), port: LOCK_PORT }).catch((cause: unknown) => {
    throw new CodedError(
      'RangeTaken',
      `another local cluster on this machine uses the addresses ${serviceCidr}, such as one of another user or XDG_DATA_HOME; stop that one, or give this one other addresses: \`kubectl waba local down --name ${name}\`, then start it again`,
      { cause },
    );
  });
  return () => void server.close();
}
