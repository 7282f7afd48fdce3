import { setTimeout as delay } from 'node:timers/promises';
import { EmulatorControl } from '../control/emulatorControl.ts';

/** What the image listens on. */
const PORTS = { api: 9090, control: 9091 } as const;
const SEED_FILE = '/tmp/seed.json';
const ADMIN = { username: 'admin', password: 'Emulator-1' } as const;
const POLL_MS = 100;

export const EMULATOR_CONTAINER_DEFAULTS = {
  number: '+16315551000',
  startupTimeoutMs: 60_000,
} as const;

/** The part of a started container of Testcontainers that is used here. */
interface StartedContainer {
  getHost(): string;
  getMappedPort(port: number): number;
  stop(): Promise<unknown>;
}

/** The part of `GenericContainer` of Testcontainers that is used here, so that this package needs none of its own. */
interface Container<Started extends StartedContainer> {
  withExposedPorts(...ports: number[]): unknown;
  withCommand(command: string[]): unknown;
  withWaitStrategy(strategy: WaitStrategy): unknown;
  withCopyContentToContainer(contents: { content: string; target: string }[]): unknown;
  start(): Promise<Started>;
}

/** The shape of a wait strategy of Testcontainers. */
interface WaitStrategy {
  waitUntilReady(): Promise<void>;
  withStartupTimeout(startupTimeoutMs: number): WaitStrategy;
  isStartupTimeoutSet(): boolean;
  getStartupTimeout(): number;
}

/** By default Testcontainers looks at ports with a shell in the container, and the image has none. */
const NO_WAIT: WaitStrategy = {
  waitUntilReady: async () => {},
  withStartupTimeout: () => NO_WAIT,
  isStartupTimeoutSet: () => true,
  getStartupTimeout: () => EMULATOR_CONTAINER_DEFAULTS.startupTimeoutMs,
};

export interface EmulatorContainerOptions {
  /** The number of the business, with + and country code. */
  readonly number?: string;
  /** Receives the callbacks. Plain HTTP reaches this machine as `http://host.testcontainers.internal:PORT/`. */
  readonly webhook?: string;
  /** Users, settings, people, templates, catalog and faults to start with, as in a file for `--seed`. */
  readonly seed?: object;
  /** `off`: the API speaks plain HTTP, for clients that can't trust a CA. */
  readonly tls?: 'on' | 'off';
  readonly startupTimeoutMs?: number;
  readonly signal?: AbortSignal;
}

/** A running emulator. */
export interface StartedEmulator<Started extends StartedContainer> {
  readonly container: Started;
  /** Of the API. */
  readonly url: string;
  readonly controlUrl: string;
  readonly username: string;
  /** Unless the seed has another one. */
  readonly password: string;
  /** Digits of the number of the business. */
  readonly number: string;
  readonly control: EmulatorControl;
  /** PEM of the CA that signed the certificate of the API. */
  caPem(signal?: AbortSignal): Promise<string>;
  stop(): Promise<void>;
}

/**
 * Starts the emulator with Testcontainers: `await startEmulator(new GenericContainer('waba-emulator:latest'))`. The ports,
 * the command and the wait for the start are set here. @throws Error if it does not answer in time
 */
export async function startEmulator<Started extends StartedContainer>(
  container: Container<Started>,
  options: EmulatorContainerOptions = {},
): Promise<StartedEmulator<Started>> {
  const { number = EMULATOR_CONTAINER_DEFAULTS.number, webhook, seed, tls = 'on' } = options;
  container.withExposedPorts(PORTS.api, PORTS.control);
  container.withWaitStrategy(NO_WAIT);
  container.withCommand([
    ...['laptop', '--host', '0.0.0.0', '--number', number],
    ...(webhook === undefined ? [] : ['--webhook', webhook]),
    ...(seed === undefined ? [] : ['--seed', SEED_FILE]),
    ...(tls === 'off' ? ['--tls', 'off'] : []),
  ]);
  if (seed !== undefined)
    container.withCopyContentToContainer([{ content: JSON.stringify(seed), target: SEED_FILE }]);
  const started = await container.start();
  const host = started.getHost();
  const controlUrl = `http://${host}:${started.getMappedPort(PORTS.control)}`;
  try {
    await untilHealthy(controlUrl, options);
  } catch (error) {
    await started.stop().catch(() => {});
    throw error;
  }
  return {
    ...ADMIN,
    container: started,
    url: `${tls === 'off' ? 'http' : 'https'}://${host}:${started.getMappedPort(PORTS.api)}`,
    controlUrl,
    number: number.replace('+', ''),
    control: new EmulatorControl({ url: controlUrl }),
    caPem: async (signal) => (await fetch(`${controlUrl}/ca.pem`, signal ? { signal } : {})).text(),
    stop: async () => void (await started.stop()),
  };
}

async function untilHealthy(controlUrl: string, options: EmulatorContainerOptions): Promise<void> {
  const { startupTimeoutMs = EMULATOR_CONTAINER_DEFAULTS.startupTimeoutMs, signal } = options;
  for (
    const end = Date.now() + startupTimeoutMs;
    ;
    await delay(POLL_MS, undefined, signal ? { signal } : {})
  ) {
    const isHealthy = await fetch(`${controlUrl}/healthz`, signal ? { signal } : {}).then(
      ({ ok }) => ok,
      () => false,
    );
    if (isHealthy) return;
    if (Date.now() > end)
      throw new Error(
        `the emulator did not answer at ${controlUrl} within ${startupTimeoutMs} ms; docker logs shows why`,
      );
  }
}
