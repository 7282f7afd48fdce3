/**
 * The same bytes in chunks of `size`, except for the last one. All share one buffer: a chunk is valid until the next one is
 * asked for.
 */
export async function* gathered(
  content: AsyncIterable<Uint8Array>,
  size: number,
): AsyncGenerator<Uint8Array> {
  const buffer = Buffer.allocUnsafeSlow(size);
  let length = 0;
  for await (const part of content)
    for (let from = 0; from < part.length; ) {
      const count = Math.min(size - length, part.length - from);
      buffer.set(part.subarray(from, from + count), length);
      length += count;
      from += count;
      if (length < size) continue;
      yield buffer;
      length = 0;
    }
  if (length > 0) yield buffer.subarray(0, length);
}
