import { randomFillSync } from 'node:crypto';

const POOL_BYTES = 4096;
let pool = Buffer.alloc(0);

/** Random bytes for ids. One call of the system for each of them would cost more than the rest of an id. */
export function pooledRandomBytes(count: number): Buffer {
  if (pool.length < count) pool = randomFillSync(Buffer.allocUnsafeSlow(Math.max(count, POOL_BYTES)));
  const bytes = pool.subarray(0, count);
  pool = pool.subarray(count);
  return bytes;
}
