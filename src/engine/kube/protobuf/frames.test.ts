import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../../base/clock.ts';
import { frames } from './frames.ts';

const framed = (content: Uint8Array): Buffer => {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(content.length);
  return Buffer.concat([length, content]);
};

async function split(bytes: Buffer, cuts: readonly number[]): Promise<string[]> {
  const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  const chunks = places.slice(1).map((end, index) => bytes.subarray(places[index], end));
  const seen: string[] = [];
  for await (const frame of frames(toAsync(chunks), systemClock)) seen.push(frame.toString('hex'));
  return seen;
}

async function* toAsync<T>(items: readonly T[]): AsyncIterable<T> {
  yield* items;
}

describe('frames', () => {
  it('come out whole wherever the stream is cut into pieces', async () => {
    const contents = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(contents, fc.array(fc.nat(3000), { maxLength: 20 }), async (all, cuts) => {
        const seen = await split(Buffer.concat(all.map(framed)), cuts);
        expect(seen).toEqual(all.map((content) => Buffer.from(content).toString('hex')));
      }),
    );
  });

  it('are an error where the stream ends within one', async () => {
    const whole = framed(Buffer.from('content'));
    for (let length = 1; length < whole.length; length++)
      await expect(split(whole.subarray(0, length), [])).rejects.toMatchObject({ code: 'FrameCutOff' });
  });

  it('are an error before an endless one fills the memory', async () => {
    await expect(split(Buffer.from([255, 255, 255, 255, 1]), [])).rejects.toMatchObject({
      code: 'FrameTooLong',
    });
  });
});
