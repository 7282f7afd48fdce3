import { createServer } from 'node:https';
import { connect } from 'node:tls';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { pemBlocks } from '../../src/base/pki/pemBlocks.ts';
import { listen } from '../../src/base/ports.ts';
import { certificateProblem, chainOf, splitPem } from '../../src/stack/webapp/uploadedCertificate.ts';
import { lockedFile, soundFile, weakFile } from './hostileCertificates.ts';

const RUNS = Number(process.env.FUZZ_RUNS ?? 300);
const SEED = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31));
const { signal } = new AbortController();

let sound: string;
beforeAll(async () => {
  sound = await soundFile();
});

const problemOf = (file: string) => certificateProblem(file, systemClock, signal);

/** Starts a server as a Webapp does, and connects to it. */
async function serves(file: string): Promise<boolean> {
  const server = createServer({ key: splitPem(file).key, cert: chainOf(file) });
  const port = await listen(server, { host: '127.0.0.1', port: 0 });
  const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false });
  const isServed = await new Promise<boolean>((resolve) => {
    socket.on('secureConnect', () => resolve(true)).on('error', () => resolve(false));
  });
  socket.destroy();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  return isServed;
}

/** Changes of a sound file: characters, blocks left out, doubled or moved, and foreign text. */
type Change = (file: string) => string;
const change: fc.Arbitrary<Change> = fc.oneof(
  fc.tuple(fc.nat(), fc.string({ minLength: 1, maxLength: 3 })).map(
    ([at, text]): Change =>
      (file) =>
        file.slice(0, at % file.length) + text + file.slice((at % file.length) + text.length),
  ),
  fc.nat().map(
    (at): Change =>
      (file) =>
        file.slice(0, at % (file.length + 1)),
  ),
  fc.array(fc.nat(3), { maxLength: 6 }).map(
    (order): Change =>
      (file) =>
        order.map((index) => pemBlocks(file)[index] ?? '').join('\n'),
  ),
  fc.tuple(fc.nat(), fc.constantFrom('\0', '\r', '-----BEGIN ', '-----END CERTIFICATE-----', '=', ' ')).map(
    ([at, text]): Change =>
      (file) =>
        file.slice(0, at % (file.length + 1)) + text + file.slice(at % (file.length + 1)),
  ),
);

describe('an uploaded certificate', () => {
  it('is accepted when it is sound, and refused when no client could connect', async () => {
    expect(await problemOf(sound)).toBeUndefined();
    expect(await problemOf(sound.replaceAll('\n', '\r\n'))).toBeUndefined();
    expect(await serves(sound.replaceAll('\n', '\r\n'))).toBe(true);
    expect(await problemOf(await weakFile())).toMatch('no client could connect');
    expect(await problemOf(lockedFile(sound))).toMatch('expected a private key');
  });

  it(`that is accepted serves clients after a restart, whatever was done to it (seed ${SEED})`, async () => {
    let accepted = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 3 }), async (changes) => {
        const file = changes.reduce((changed, apply) => apply(changed), sound);
        const problem = await problemOf(file);
        if (problem !== undefined) return;
        accepted += 1;
        expect(await serves(file)).toBe(true);
      }),
      { numRuns: RUNS, seed: SEED, endOnFailure: true },
    );
    // Otherwise nothing was tested but refusals.
    expect(accepted).toBeGreaterThan(RUNS / 50);
  }, 600_000);
});
