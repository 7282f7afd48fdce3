import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { CodedError } from '../../src/base/codedError.ts';
import { type KubeObject, kinds } from '../../src/engine/kube/kubeObject.ts';
import { frames } from '../../src/engine/kube/protobuf/frames.ts';
import { ProtobufReader } from '../../src/engine/kube/protobuf/protobufReader.ts';
import { parseWatchEvent } from '../../src/engine/kube/watchEvent.ts';
import { contentOf } from '../support/arbitraryObjects.ts';
import { encodeEvent, encodeFrame } from '../support/protobufEncoder.ts';

const RUNS = Number(process.env.FUZZ_RUNS ?? 300);
const SEED = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31));
const BUILT_IN = Object.values(kinds).flatMap((kind) => {
  const reader = ProtobufReader.of(kind, { managedFields: true });
  return reader ? [{ kind, reader }] : [];
});

/** An event of a random object, with bytes changed, put in, or taken out. */
const garbled = fc.constantFrom(...BUILT_IN).chain(({ kind, reader }) =>
  fc
    .record({
      content: contentOf(kind.kind) as fc.Arbitrary<Partial<KubeObject>>,
      cuts: fc.array(
        fc.record({ at: fc.nat(2000), remove: fc.nat(3), insert: fc.uint8Array({ maxLength: 6 }) }),
        { maxLength: 4 },
      ),
    })
    .map(({ content, cuts }) => {
      const metadata = { ...content.metadata, name: 'random', resourceVersion: '1' };
      let bytes = encodeEvent('ADDED', {
        ...content,
        apiVersion: kind.apiVersion,
        kind: kind.kind,
        metadata,
      });
      for (const { at, remove, insert } of cuts) {
        const place = at % (bytes.length + 1);
        bytes = Buffer.concat([bytes.subarray(0, place), insert, bytes.subarray(place + remove)]);
      }
      return { reader, bytes };
    }),
);

const isRefusal = (error: unknown): boolean =>
  error instanceof CodedError && ['MalformedEvent', 'MalformedProtobuf'].includes(error.code);

describe(`protobuf with changed bytes (SEED=${SEED})`, () => {
  it('is refused as a whole, or every field of the object can be read', () => {
    let refused = 0;
    fc.assert(
      fc.property(garbled, ({ reader, bytes }) => {
        let event: ReturnType<typeof parseWatchEvent> | undefined;
        try {
          event = parseWatchEvent(bytes, reader);
        } catch (error) {
          expect(isRefusal(error)).toBe(true);
          refused += 1;
          return;
        }
        const { metadata, ...content } = event.object as KubeObject;
        JSON.stringify(content);
        // Only the JSON within managedFields is not looked at before somebody asks for it.
        const { managedFields: _, ...rest } = { ...Object.getOwnPropertyDescriptors(metadata) };
        for (const { value } of Object.values(rest)) JSON.stringify(value);
      }),
      { numRuns: RUNS, seed: SEED },
    );
    expect(refused).toBeGreaterThan(0);
  });

  it('ends within the bytes, whatever they are', () => {
    fc.assert(
      fc.property(fc.constantFrom(...BUILT_IN), fc.uint8Array({ maxLength: 300 }), ({ reader }, bytes) => {
        try {
          reader.answer(Buffer.concat([Buffer.from('k8s\0', 'latin1'), bytes]));
        } catch (error) {
          expect(isRefusal(error)).toBe(true);
        }
      }),
      { numRuns: RUNS, seed: SEED },
    );
  });

  it('does not reach the frame after it', async () => {
    const next = encodeFrame('ADDED', { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'next' } });
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (bytes) => {
        const length = Buffer.alloc(4);
        length.writeUInt32BE(bytes.length);
        const stream = (async function* () {
          yield Buffer.concat([length, bytes, next]);
        })();
        const seen: Buffer[] = [];
        for await (const frame of frames(stream, systemClock)) seen.push(frame);
        expect(seen.map((frame) => frame.length)).toEqual([bytes.length, next.length - 4]);
      }),
      { numRuns: RUNS, seed: SEED },
    );
  });
});
