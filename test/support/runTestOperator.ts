import { systemClock } from '../../src/base/clock.ts';
import { type Logger, silentLogger } from '../../src/base/logger.ts';
import { freePort } from '../../src/base/ports.ts';
import type { Credentials } from '../../src/engine/kube/credentials.ts';
import { runOperator } from '../../src/operator/operator.ts';

/** Runs the operator in this process, for one namespace, until `signal` fires. */
export async function runTestOperator(
  of: {
    readonly credentials: Credentials;
    readonly namespace: string;
    /** Of its health server; any free one unless given. */
    readonly port?: number;
    readonly logger?: Logger;
  },
  signal: AbortSignal,
): Promise<void> {
  const { credentials, namespace, port = await freePort(), logger = silentLogger } = of;
  await runOperator(
    {
      credentials,
      version: 'test',
      release: { stack: 'waba-stack:test', database: 'postgres' },
      namespaces: [namespace],
      installation: { namespace, name: 'operator' },
      health: { host: '127.0.0.1', port },
      clock: systemClock,
      random: Math.random,
      logger,
    },
    signal,
  );
}
