import { describe, expect, it } from 'vitest';
import { VirtualClock } from '../../base/virtualClock.ts';
import { LastingBlock } from './lastingBlock.ts';

const OF = { what: 'WhatsAppDeployment shop', command: 'kubectl -n default describe wad shop' };
const IMAGE = { reason: 'ImagePullFailed', message: 'Pod shop-webapp-1: not found' };

/** Looks once a second, and returns after how many looks the wait ends; undefined if it does not. */
async function looksUntilEnd(
  blocks: readonly ({ reason: string; message: string } | undefined)[],
): Promise<number | undefined> {
  const clock = new VirtualClock(0);
  const blocked = new LastingBlock(clock, OF);
  for (const [look, block] of blocks.entries()) {
    try {
      blocked.check(block);
    } catch {
      return look;
    }
    await clock.advance(1_000);
  }
  return undefined;
}

describe('a wait for a stack', () => {
  it('ends when what waiting cannot mend has lasted for ten seconds', async () => {
    expect(await looksUntilEnd(Array(20).fill(IMAGE))).toBe(10);
  });

  it('goes on while something is under way, or the cause passes', async () => {
    expect(
      await looksUntilEnd(Array(20).fill({ reason: 'PodsNotReady', message: '0 of 2 pods' })),
    ).toBeUndefined();
    expect(
      await looksUntilEnd([...Array(9).fill(IMAGE), undefined, ...Array(9).fill(IMAGE)]),
    ).toBeUndefined();
    expect(await looksUntilEnd([])).toBeUndefined();
  });

  it('ends with the reason, the way out and the command', async () => {
    const clock = new VirtualClock(0);
    const blocked = new LastingBlock(clock, OF);
    blocked.check(IMAGE);
    await clock.advance(10_000);
    expect(() => blocked.check(IMAGE)).toThrow(
      /waits for you \(ImagePullFailed\): Pod shop-webapp-1: not found\nCorrect the image in `spec.images`.*\nSee: kubectl -n default describe wad shop/,
    );
  });
});
