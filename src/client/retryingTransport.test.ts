import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { VirtualClock } from '../base/virtualClock.ts';
import { RETRY_DEFAULTS, RetryingTransport } from './retryingTransport.ts';
import { StackUnreachable } from './stackError.ts';
import type { StackRequest, StackResponse } from './stackTransport.ts';

const never = new AbortController().signal;
const refusal = (code: number, status: number): StackResponse => ({
  status,
  body: JSON.stringify({ errors: [{ code, title: 'x' }] }),
});
const OK: StackResponse = { status: 200, body: '{}' };
const nobody = () => {
  throw new StackUnreachable('GET /', new Error('cut'));
};

/** What a call comes to that is answered so, one after the other, and how often it went out. */
async function outcome(request: Partial<StackRequest>, answers: (StackResponse | (() => StackResponse))[]) {
  const clock = new VirtualClock();
  let calls = 0;
  const inner = {
    request: async () => {
      const answer = answers[Math.min(calls++, answers.length - 1)] ?? OK;
      return typeof answer === 'function' ? answer() : answer;
    },
    stream: async () => ({ status: 200, headers: {}, content: Readable.from([]) }),
    close: () => {},
  };
  const transport = new RetryingTransport(inner, { clock, random: () => 0.5 });
  const done = transport.request({ method: 'POST', path: '/v1/x', ...request }, never).then(
    ({ status }) => status,
    (error: unknown) => (error instanceof StackUnreachable ? 'unreachable' : String(error)),
  );
  await clock.advance(120_000);
  return { result: await done, calls };
}

describe('a call', () => {
  it.each([1011, 1015, 1016, 1017, 1018, 1023])('that is refused with %i is tried again', async (code) => {
    expect(await outcome({ isRepeatable: false }, [refusal(code, 503), refusal(code, 503), OK])).toEqual({
      result: 200,
      calls: 3,
    });
  });

  it.each([1005, 1008, 1014, 1024, 2000])('that is refused with %i is not', async (code) => {
    expect((await outcome({}, [refusal(code, 400), OK])).calls).toBe(1);
  });

  it('without an answer is repeated only where twice is the same as once', async () => {
    expect(await outcome({ method: 'GET' }, [nobody, OK])).toEqual({ result: 200, calls: 2 });
    expect(await outcome({ isRepeatable: false }, [nobody, OK])).toEqual({ result: 'unreachable', calls: 1 });
    expect((await outcome({ body: [Buffer.from('x')] }, [nobody, OK])).calls).toBe(1);
  });

  it('is given up after some attempts', async () => {
    expect(await outcome({}, [refusal(1011, 503)])).toEqual({ result: 503, calls: RETRY_DEFAULTS.attempts });
    expect(await outcome({}, [{ status: 500, body: 'a proxy' }])).toEqual({ result: 500, calls: 1 });
  });
});
