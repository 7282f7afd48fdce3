import { describe, expect, it } from 'vitest';
import { VirtualClock } from '../../base/virtualClock.ts';
import { LineSeal, lineSeal, REPLAY_WINDOW_MS } from './lineSeal.ts';

const clock = new VirtualClock();
const [sender, receiver] = [new LineSeal('a secret', clock), new LineSeal('a secret', clock)];

describe('a sealed line', () => {
  it('shows nothing of what it says, and is opened with the same secret', () => {
    const line = sender.seal('{"call":"send"}');
    expect(Buffer.from(line, 'base64').toString('latin1')).not.toContain('send');
    expect(receiver.open(line)).toBe('{"call":"send"}');
  });

  it('is refused with another secret, changed on its way, or plain', () => {
    const line = sender.seal('text');
    expect(() => new LineSeal('another', clock).open(line)).toThrow(
      expect.objectContaining({ code: 'WrongSecret' }),
    );
    const bytes = Buffer.from(line, 'base64');
    bytes[14] = (bytes[14] ?? 0) ^ 1;
    for (const bad of [bytes.toString('base64'), '{"call":"send"}', ''])
      expect(() => receiver.open(bad)).toThrow(expect.objectContaining({ code: 'WrongSecret' }));
  });

  it('is good once', () => {
    const line = sender.seal('text');
    expect(receiver.open(line)).toBe('text');
    expect(() => receiver.open(line)).toThrow(expect.objectContaining({ code: 'Replayed' }));
  });

  it('is good for ten seconds only, and from clocks that are no further apart', async () => {
    const [young, old] = [sender.seal('young'), sender.seal('old')];
    await clock.advance(REPLAY_WINDOW_MS);
    expect(receiver.open(young)).toBe('young');
    await clock.advance(1);
    expect(() => receiver.open(old)).toThrow(expect.objectContaining({ code: 'ClocksApart' }));
  });

  it('needs a secret', () => {
    expect(lineSeal('', clock)).toBeUndefined();
  });
});
