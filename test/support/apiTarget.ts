import type { ApiAddress } from './apiCall.ts';
import { EmulatorProcesses } from './emulatorProcesses.ts';
import { EmulatorStack, type TestDatabase } from './emulatorStack.ts';

/** A single-instance stack that a suite calls from outside. Its roles run in this process or in their own. */
export interface ApiTarget {
  readonly number: string;
  /** The current address of its Webapp, and the CA of its certificate. */
  address(): ApiAddress;
  /** A call of the network's control API. */
  simulate(method: string, path: string, body?: unknown): Promise<Response>;
  /** Restarts the Coreapp or the Webapp, so that it reads its start settings again. */
  restartCoreapp(): Promise<void>;
  restartWebapp(): Promise<void>;
  close(): Promise<void>;
}

/** Starts the roles in this process, or as processes of their own if the test project says so. */
export const startApiTarget = (
  database: TestDatabase,
  prefix: string,
  options: { rateLimits?: boolean } = {},
): Promise<ApiTarget> =>
  process.env.WABA_TEST_TARGET === 'processes'
    ? processes(database, prefix, options)
    : oneProcess(database, prefix, options);

async function oneProcess(
  database: TestDatabase,
  prefix: string,
  options: { rateLimits?: boolean },
): Promise<ApiTarget> {
  const { stack, controlUrl, close } = await EmulatorStack.startSimulated(database, prefix, options);
  return {
    number: stack.number,
    address: () => stack.address(),
    simulate: (method, path, body) => fetch(`${controlUrl}${path}`, { method, body: JSON.stringify(body) }),
    restartCoreapp: () => stack.restartNodes(),
    restartWebapp: () => stack.restartWebapps(),
    close,
  };
}

async function processes(
  database: TestDatabase,
  prefix: string,
  { rateLimits = false }: { rateLimits?: boolean },
): Promise<ApiTarget> {
  const stack = await EmulatorProcesses.start(['coreapp-0'], {
    isSingle: true,
    database,
    prefix,
    rateLimits,
    secret: 'a secret of all nodes',
    serverName: 'shop.test',
  });
  let address = await stack.webappAddress();
  return {
    number: '16315557700',
    address: () => address,
    simulate: (method, path, body) => stack.simulate(method, path, body),
    restartCoreapp: () => stack.restart('coreapp-0'),
    restartWebapp: async () => {
      await stack.restart('webapp-0');
      address = await stack.webappAddress();
    },
    close: () => stack.close(),
  };
}
