#!/usr/bin/env node
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createLogger } from '../base/logger.ts';
import { stopSignal } from '../base/stopSignal.ts';
import { VERSION } from '../base/version.ts';
import { runCli } from '../cli/main.ts';

/** What the shell makes of SIGPIPE, by which other programs end when nobody reads their output. */
const CLOSED_PIPE = 141;
for (const stream of [process.stdout, process.stderr])
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit(CLOSED_PIPE);
  });

process.exitCode = await runCli(process.argv.slice(2), {
  env: process.env,
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  signal: stopSignal(),
  distFolder: dirname(fileURLToPath(import.meta.url)),
  version: VERSION,
  logger: createLogger({ level: 'info', format: 'pretty' }),
});
