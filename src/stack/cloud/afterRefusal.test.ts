import { describe, expect, it } from 'vitest';
import { afterRefusal } from './afterRefusal.ts';

describe('a message that Graph refused', () => {
  it.each([131026, 131047, 132001, 424242])('with %i has failed', (code) => {
    expect(afterRefusal({ code }, 0)).toEqual({ kind: 'fail' });
  });

  it('because of the pair limit waits 4^n seconds, and with it the messages to that person', () => {
    expect([0, 1, 2].map((failures) => afterRefusal({ code: 131056 }, failures))).toEqual([
      { kind: 'again', afterMs: 4_000, holds: 'person' },
      { kind: 'again', afterMs: 16_000, holds: 'person' },
      { kind: 'again', afterMs: 64_000, holds: 'person' },
    ]);
  });

  it('because of the throughput holds all messages, never longer than a minute', () => {
    expect(afterRefusal({ code: 130429 }, 0)).toEqual({ kind: 'again', afterMs: 1_000, holds: 'number' });
    expect(afterRefusal({ code: 130429 }, 99)).toEqual({ kind: 'again', afterMs: 60_000, holds: 'number' });
  });

  it('for the moment is tried again alone', () => {
    expect(afterRefusal({ code: 131016 }, 0)).toEqual({ kind: 'again', afterMs: 5_000, holds: 'message' });
  });

  it('because of the token waits for another one', () => {
    expect(afterRefusal({ code: 190 }, 3)).toEqual({ kind: 'stop', until: 'token' });
    expect(afterRefusal({ code: 133010 }, 3)).toEqual({ kind: 'stop', until: 'connected' });
  });
});
