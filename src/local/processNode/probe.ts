import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { createConnection } from 'node:net';
import { exited, spawnBound } from '../../base/childProcess.ts';
import { type Clock, sleep } from '../../base/clock.ts';
import type { Container, Probe } from './podTypes.ts';

export interface ProbeTarget {
  readonly host: string;
  readonly container: Container;
  /** The port that serves a port of the container; low ports move for users who may not bind them. */
  readonly translatePort: (port: number) => number;
  readonly exec: (command: readonly string[], timeoutMs: number) => Promise<boolean>;
}

/** The defaults of Kubernetes. */
const DEFAULTS = {
  periodSeconds: 10,
  timeoutSeconds: 1,
  failureThreshold: 3,
  successThreshold: 1,
  initialDelaySeconds: 0,
} as const;

/** Probes a container once. */
function probeOnce(probe: Probe, target: ProbeTarget): Promise<boolean> {
  const timeoutMs = (probe.timeoutSeconds ?? DEFAULTS.timeoutSeconds) * 1000;
  const port = (value: number | string) => target.translatePort(portNumber(value, target.container));
  if (probe.httpGet) {
    const { path = '/', scheme = 'HTTP', host = target.host } = probe.httpGet;
    const request = scheme === 'HTTPS' ? httpsRequest : httpRequest;
    return new Promise((resolve) => {
      // Like the kubelet, a probe does not verify certificates.
      const outgoing = request(
        { host, port: port(probe.httpGet?.port ?? 0), path, timeout: timeoutMs, rejectUnauthorized: false },
        (response) => {
          response.resume();
          resolve((response.statusCode ?? 500) >= 200 && (response.statusCode ?? 500) < 400);
        },
      );
      outgoing.on('timeout', () => outgoing.destroy());
      outgoing.on('error', () => resolve(false));
      outgoing.end();
    });
  }
  if (probe.tcpSocket) {
    const { port: value } = probe.tcpSocket;
    return new Promise((resolve) => {
      const socket = createConnection({ host: target.host, port: port(value), timeout: timeoutMs });
      const end = (well: boolean) => {
        socket.destroy();
        resolve(well);
      };
      socket.once('connect', () => end(true));
      socket.once('timeout', () => end(false));
      socket.once('error', () => end(false));
    });
  }
  return probe.exec ? target.exec(probe.exec.command, timeoutMs) : Promise.resolve(true);
}

/** Probes until `signal` fires; `onResult` gets each change of the result. */
export async function watchProbe(
  probe: Probe,
  target: ProbeTarget,
  clock: Clock,
  onResult: (well: boolean) => void,
  signal: AbortSignal,
): Promise<void> {
  const { periodSeconds, failureThreshold, successThreshold, initialDelaySeconds } = {
    ...DEFAULTS,
    ...probe,
  };
  let successes = 0;
  let failures = 0;
  let told: boolean | undefined;
  await sleep(clock, initialDelaySeconds * 1000, signal).catch(() => {});
  while (!signal.aborted) {
    const well = await probeOnce(probe, target);
    if (signal.aborted) return;
    successes = well ? successes + 1 : 0;
    failures = well ? 0 : failures + 1;
    const verdict = successes >= successThreshold ? true : failures >= failureThreshold ? false : told;
    if (verdict !== undefined && verdict !== told) {
      told = verdict;
      onResult(verdict);
    }
    await sleep(clock, periodSeconds * 1000, signal).catch(() => {});
  }
}

function portNumber(port: number | string, container: Container): number {
  if (typeof port === 'number') return port;
  return container.ports?.find(({ name }) => name === port)?.containerPort ?? Number(port);
}

/** Runs a command to its end. @returns whether it exits with 0 in time */
export async function runCommand(
  command: readonly string[],
  env: Readonly<Record<string, string>>,
  timeoutMs: number,
): Promise<boolean> {
  const [program = 'false', ...args] = command;
  const child = spawnBound([program, ...args], {
    env,
    stdio: 'ignore',
    timeout: timeoutMs,
    killSignal: 'SIGKILL',
  });
  return (await exited(child)).code === 0;
}
