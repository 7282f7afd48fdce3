import { Readable } from 'node:stream';
import { startBenchStack } from './benchStack.ts';
import { peakResidentBytes, residentBytes } from './processCpu.ts';

const never = new AbortController().signal;
const FILE_BYTES = 64 * 1024 * 1024;
const FILES = 4;
const megabytes = (bytes: number) => `${(bytes / 1024 / 1024).toFixed(0)} MB`;

/** Uploads large files; measures their rate, and the memory that the Webapp needs. */
export async function benchMedia(): Promise<[string, string][]> {
  const stack = await startBenchStack(['coreapp-0'], { isSingle: true, rateLimits: false });
  try {
    const { processes, client, session } = stack;
    const webapp = processes.pid('webapp-0');
    const before = residentBytes(webapp);
    const startedAt = performance.now();
    for (let file = 0; file < FILES; file++)
      await client.media.upload(session, Readable.from(chunks()), 'video/mp4', never);
    const seconds = (performance.now() - startedAt) / 1000;
    return [
      [
        `${FILES} uploads of ${megabytes(FILE_BYTES)}, one after the other`,
        `${((FILES * FILE_BYTES) / seconds / 1024 / 1024).toFixed(0)} MB/s; Webapp ${megabytes(before)} before, ${megabytes(peakResidentBytes(webapp))} at most`,
      ],
    ];
  } finally {
    await stack.close();
  }
}

function* chunks(): Generator<Buffer> {
  const chunk = Buffer.alloc(64 * 1024, 'x');
  for (let sent = 0; sent < FILE_BYTES; sent += chunk.length) yield chunk;
}
