import { describe, expect, it } from 'vitest';
import { silentLogger } from '../../base/logger.ts';
import { VirtualClock } from '../../base/virtualClock.ts';
import { type ApplicationSettings, DEFAULT_SETTINGS } from '../../onprem/settings.ts';
import { COLLECTION, Housekeeping } from './housekeeping.ts';

function keeper(changed: Partial<ApplicationSettings> = {}, isPrimary = true) {
  const clock = new VirtualClock();
  const done: string[] = [];
  const housekeeping = new Housekeeping({
    node: undefined,
    store: {
      collect: async () => done.push('messages'),
      update: async ({ callback }) => void done.push(JSON.stringify(callback?.payload)),
    },
    media: { collect: async () => done.push('media') },
    settings: () => ({ ...(DEFAULT_SETTINGS as ApplicationSettings), ...changed }),
    shard: () => 0,
    isPrimary: () => isPrimary,
    onCallback: () => {},
    clock,
    logger: silentLogger,
  });
  const hours = async (count: number) => {
    for (let hour = 0; hour < count; hour++) {
      await clock.advance(COLLECTION.automaticEveryMs);
      housekeeping.attend();
      await housekeeping.idle();
    }
    return done;
  };
  return { housekeeping, hours, done };
}

describe('housekeeping', () => {
  it('collects messages by itself, and media where that is switched on and the node is the primary', async () => {
    expect(await keeper().hours(2)).toEqual(['messages', 'messages']);
    const both = { garbagecollector_enable: { messages: true, media: true } };
    expect(await keeper(both).hours(1)).toEqual(['messages', 'media']);
    expect(await keeper(both, false).hours(1)).toEqual(['messages']);
  });

  it('leaves messages alone where either switch is off', async () => {
    expect(await keeper({ garbagecollector_enable: { messages: false, media: false } }).hours(2)).toEqual([]);
    expect(await keeper({ db_garbagecollector_enable: false }).hours(2)).toEqual([]);
  });

  it('tells the webhook of what was asked for only', async () => {
    const { housekeeping, done } = keeper();
    housekeeping.collectMedia();
    await new Promise((resolve) => setImmediate(resolve));
    expect(done).toEqual([
      'media',
      '{"services":[{"media":{"gc":{"items_deleted":1,"status":"complete"}}}]}',
    ]);
  });
});
