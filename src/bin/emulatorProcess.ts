import { systemClock } from '../base/clock.ts';
import { createLogger } from '../base/logger.ts';
import { quietRepeats } from '../base/quietRepeats.ts';
import { stopSignal } from '../base/stopSignal.ts';
import { startTracing } from '../base/tracing/startTracing.ts';
import { VERSION } from '../base/version.ts';

/** What all roles of the emulator share: the process that one of them runs in. */

export const stop = stopSignal();

export const interactive = process.stderr.isTTY === true;
const lines = createLogger({ level: 'info', format: interactive ? 'pretty' : 'json' });
export const logger = quietRepeats(lines, systemClock);
export const role = { env: process.env, clock: systemClock, logger, setLogLevel: lines.setLevel };

/** Loaded only when asked for: drivers of databases take as long to load as everything else. */
export const roles = () => import('../stack/stackRoles.ts');

/** Runs a program with traces, if the `OTEL_*` variables ask for them, under this name. */
export async function whileTraced(serviceName: string, run: () => Promise<void>): Promise<void> {
  const { env } = process;
  const endTraces = await startTracing({
    env,
    serviceName,
    version: VERSION,
    clock: systemClock,
    logger: lines,
  });
  try {
    await run();
  } finally {
    await endTraces();
  }
}

/** Who may call the control port. */
export const controlAccess = ({
  WABA_CONTROL_TOKEN: token,
  WABA_CONTROL_HOSTS: hosts = '',
}: NodeJS.ProcessEnv) => ({
  token: token || undefined,
  hosts: hosts
    .split(',')
    .map((host) => host.trim().toLowerCase())
    .filter(Boolean),
});
