#!/usr/bin/env node
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createLogger } from '../base/logger.ts';
import { stopSignal } from '../base/stopSignal.ts';
import { VERSION } from '../base/version.ts';
import { EXIT_CODES } from '../cli/exitCodes.ts';
import { runCli } from '../cli/main.ts';

for (const stream of [process.stdout, process.stderr])
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit(EXIT_CODES.CLOSED_PIPE.code);
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
