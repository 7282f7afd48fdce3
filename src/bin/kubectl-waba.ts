import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createLogger } from '../base/logger.ts';
import { VERSION } from '../base/version.ts';
import { runCli } from '../cli/main.ts';

const stop = new AbortController();
for (const name of ['SIGINT', 'SIGTERM'] as const) {
  process.once(name, () => stop.abort(new Error(`stopped by ${name}`)));
}

process.exitCode = await runCli(process.argv.slice(2), {
  env: process.env,
  stdout: process.stdout,
  stderr: process.stderr,
  signal: stop.signal,
  distFolder: dirname(fileURLToPath(import.meta.url)),
  version: VERSION,
  logger: createLogger({ level: 'info', format: 'pretty' }),
});
