import { describe, expect, it } from 'vitest';
import type { DueCallback } from '../../store/callbackStore.ts';
import { chooseBodies } from './chooseBodies.ts';

let next = 1;
/** `m1 sent`: a status of message m1; `hello`: a callback that is about no message. */
const callback = (text: string, attempts = 0): DueCallback => {
  const [about, status] = text.split(' ');
  return {
    seq: next++,
    key: text,
    payload: text,
    about: status === undefined ? undefined : about,
    attempts,
    ageSeconds: 0,
  };
};
const choose = (
  waiting: readonly DueCallback[],
  { room = 10, busy = [], alone = 0 }: { room?: number; busy?: string[]; alone?: number } = {},
) => {
  let left = alone;
  const { bodies, rest } = chooseBodies(waiting, {
    room,
    isBusy: (about) => busy.includes(about),
    mayGoAlone: () => left-- > 0,
  });
  return {
    bodies: bodies.map((body) => body.map(({ key }) => key)),
    rest: rest.map(({ key }) => key),
  };
};
const all = (...texts: string[]) => texts.map((text) => callback(text));

describe('the choice of bodies', () => {
  it('gives each callback its own body while it may, and one status of a message at a time', () => {
    expect(choose(all('m1 sent', 'hello', 'm1 read', 'm2 sent'), { alone: 10 })).toEqual({
      bodies: [['m1 sent'], ['hello'], ['m2 sent']],
      rest: ['m1 read'],
    });
  });

  it('lets the other statuses share a body, those of one message in their order', () => {
    expect(choose(all('m1 sent', 'm2 sent', 'hello', 'm2 read', 'm3 sent'), { alone: 1 })).toEqual({
      bodies: [['m1 sent'], ['m2 sent', 'm2 read', 'm3 sent'], ['hello']],
      rest: [],
    });
  });

  it('holds back what follows a status that is under way', () => {
    expect(choose(all('m1 read', 'm2 sent', 'm1 deleted'), { busy: ['m1'] })).toEqual({
      bodies: [['m2 sent']],
      rest: ['m1 read', 'm1 deleted'],
    });
  });

  it('puts no status before one of the same message that found no room', () => {
    const waiting = [...all('m1 sent'), callback('m2 sent', 1), ...all('m2 read', 'm1 read', 'hello')];
    expect(choose(waiting, { room: 1 })).toEqual({
      bodies: [['m1 sent', 'm1 read']],
      rest: ['m2 sent', 'm2 read', 'hello'],
    });
  });

  it('gives a status that a receiver refused before a body of its own', () => {
    const waiting = [...all('m1 sent'), callback('m2 sent', 1), ...all('m3 sent')];
    expect(choose(waiting).bodies).toEqual([['m1 sent', 'm3 sent'], ['m2 sent']]);
  });

  it('makes no body of more than 50', () => {
    const waiting = Array.from({ length: 120 }, (_, index) => callback(`m${index} sent`));
    expect(choose(waiting).bodies.map(({ length }) => length)).toEqual([50, 50, 20]);
    const { bodies, rest } = choose(waiting, { room: 2 });
    expect([bodies.length, rest.length]).toEqual([2, 20]);
  });
});
