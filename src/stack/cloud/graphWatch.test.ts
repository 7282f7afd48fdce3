import { describe, expect, it } from 'vitest';
import type { GatewayStatus } from '../../cloud/gatewayStatus.ts';
import type { GraphError } from '../../cloud/graphErrors.ts';
import type { Probe } from './graphCall.ts';
import { GraphWatch } from './graphWatch.ts';

const NUMBER = {
  status: 'CONNECTED',
  number: '16315551000',
  verifiedName: 'Shop',
  throughput: 80,
  nameStatus: undefined,
  quality: undefined,
};
const watchAt = (now = 1_700_000_000_000) => new GraphWatch(() => now);
const refused = (error: GraphError, probe?: Probe) => ({
  probe,
  outcome: { kind: 'refused' as const, error },
});
const done = (probe?: Probe) => ({ probe, outcome: { kind: 'done' as const } });

describe('what Graph said of the token', () => {
  it('is valid once Graph accepted it for both the number and the account', () => {
    const watch = watchAt();
    expect(watch.token.state).toBe('Unknown');
    watch.heard(done('number'));
    expect(watch.token.state).toBe('Unknown');
    watch.heard(done('account'));
    expect(watch.token.state).toBe('Valid');
  });

  it.each<[GraphError, GatewayStatus['token']['state']]>([
    [{ code: 190 }, 'Refused'],
    [{ code: 10 }, 'PermissionMissing'],
    [{ code: 200 }, 'PermissionMissing'],
    [{ code: 299 }, 'PermissionMissing'],
    [{ code: 100, error_subcode: 33 }, 'WrongAccount'],
    [{ code: 33 }, 'WrongAccount'],
  ])('%j of a probe means %s', (error, state) => {
    const watch = watchAt();
    watch.heard(done('number'));
    watch.heard(refused(error, 'account'));
    expect(watch.token.state).toBe(state);
    expect(watch.token.detail).toContain(`Cloud API ${error.code}`);
  });

  it('is not judged by what Graph says of one message, but 190 of any call ends it', () => {
    const watch = watchAt();
    for (const probe of ['number', 'account'] as const) watch.heard(done(probe));
    watch.heard(refused({ code: 10 }));
    watch.heard(refused({ code: 131026 }));
    expect(watch.token.state).toBe('Valid');
    watch.heard(refused({ code: 190 }));
    expect(watch.token.state).toBe('Refused');
    watch.tokenChanged();
    expect(watch.token.state).toBe('Unknown');
  });

  it('is of the wrong account if the number is not the one that is registered here', () => {
    const watch = watchAt();
    for (const probe of ['number', 'account'] as const) watch.heard(done(probe));
    watch.learned(NUMBER, '16315551001');
    expect(watch.token).toMatchObject({ state: 'WrongAccount' });
    watch.heard(done('number'));
    watch.learned(NUMBER, NUMBER.number);
    expect(watch.token.state).toBe('Valid');
  });
});

it('keeps when Graph answered last while it does not', () => {
  const watch = watchAt();
  watch.heard(refused({ code: 4 }));
  expect(watch.graph).toEqual({ isAnswering: true, lastAnswerAt: '2023-11-14T22:13:20.000Z' });
  watch.heard({ outcome: { kind: 'unknown', detail: 'no answer within 20 s' } });
  expect(watch.graph).toEqual({
    isAnswering: false,
    lastAnswerAt: '2023-11-14T22:13:20.000Z',
    detail: 'no answer within 20 s',
  });
});
