import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, utimes } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { applyEntry } from './entryEffects.ts';
import { NetworkState } from './networkState.ts';
import { PersonalMedia } from './personalMedia.ts';
import { usedMedia } from './usedMedia.ts';

const NUMBER = '16315551000';
const HOUR_MS = 3_600_000;
let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'waba-media-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('media of the network', () => {
  it('is collected an hour after its last use, unless a chat shows it or an event announces it', async () => {
    const media = new PersonalMedia(folder);
    const state = new NetworkState();
    const [shown, announced, unused, recent] = await Promise.all(
      ['shown', 'announced', 'unused', 'recent'].map((text) => media.keep(Buffer.from(text))),
    );
    await expect(
      media.takePart({ sha256: '0'.repeat(64), offset: 0, base64: 'YQ==', isLast: false }),
    ).resolves.toBeUndefined();
    const message = { from: '1', id: 'm', timestamp: '1', type: 'image' };
    const ofChat = { ...message, media: [{ type: 'image/png', sha256: shown ?? '' }] };
    applyEntry(state, { type: 'person', waId: '1', wroteTo: NUMBER, at: 1, message: ofChat });
    const pending = { type: 'image/png', sha256: announced ?? '' };
    const event = { eventId: 1, body: { kind: 'inbound', message, media: pending } } as const;
    applyEntry(state, { type: 'event', number: NUMBER, event });
    expect(await media.collect(usedMedia(state), Date.now())).toBe(0);
    for (const name of (await readdir(folder)).filter((each) => each !== recent))
      await utimes(join(folder, name), 0, 0);
    // The one that nothing uses, and the upload that never ended.
    expect(await media.collect(usedMedia(state), Date.now())).toBe(2);
    expect((await readdir(folder)).sort()).toEqual([shown, announced, recent].sort());
    expect(await media.has(unused ?? '')).toBe(false);
    expect(await media.collect(usedMedia(state), Date.now() + 2 * HOUR_MS)).toBe(1);
  });

  it('leaves nothing of an upload with a wrong checksum', async () => {
    const media = new PersonalMedia(folder);
    await expect(
      media.takePart({ sha256: '0'.repeat(64), offset: 0, base64: 'YQ==', isLast: true }),
    ).rejects.toThrow('1009');
    expect(await readdir(folder)).toEqual([]);
  });

  it('keeps two uploads of the same bytes apart, whichever ends first', async () => {
    const media = new PersonalMedia(folder);
    const sha256 = createHash('sha256').update('hello').digest('hex');
    const part = (upload: string, offset: number, text: string, isLast: boolean) =>
      media.takePart({ sha256, upload, offset, base64: Buffer.from(text).toString('base64'), isLast });
    await part('first', 0, 'he', false);
    await part('second', 0, 'h', false);
    await part('first', 2, 'llo', true);
    expect(await readFile(join(folder, sha256), 'utf8')).toBe('hello');
    await part('second', 1, 'ello', true);
    expect(await readFile(join(folder, sha256), 'utf8')).toBe('hello');
    expect(await readdir(folder)).toEqual([sha256]);
  });
});
