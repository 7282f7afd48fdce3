import { describe, expect, it } from 'vitest';
import { planResharding, type ReshardingInput } from './resharding.ts';

const NOW = Date.parse('2026-03-01T00:00:00Z');
const input = (changed: Partial<ReshardingInput> = {}): ReshardingInput => ({
  wanted: 4,
  current: 2,
  members: 5,
  served: 2,
  isRegistered: true,
  certificate: 'cert',
  certificateSource: 'Secret shop-registration',
  certificateExpiresAt: undefined,
  isPinUnknown: false,
  registeredAt: '2026-02-27T00:00:00Z',
  allowReRegistration: false,
  hold: undefined,
  isRolling: false,
  retryNotBeforeMs: undefined,
  nowMs: NOW,
  ...changed,
});
const reason = (changed: Partial<ReshardingInput>) => {
  const step = planResharding(input(changed));
  return step.do === 'wait' ? step.verdict.reason : step.do;
};

describe('a new number of shards', () => {
  it('is set when every shard has a Coreapp', () => {
    expect(planResharding(input())).toEqual({ do: 'set-shards', shards: 4 });
    expect(reason({ members: 3 })).toBe('WaitingForCoreapps');
    expect(reason({ wanted: 1, members: 1 })).toBe('set-shards');
  });

  it('is met when each shard has a connected Coreapp', () => {
    expect(reason({ current: 4, served: 3 })).toBe('NotServed');
    expect(reason({ current: 4, served: 4 })).toBe('Served');
  });

  it.each<[string, Partial<ReshardingInput>]>([
    ['NotRegistered', { isRegistered: false }],
    ['Unknown', { current: undefined }],
    ['CertificateMissing', { certificate: undefined }],
    ['CertificateExpired', { certificateExpiresAt: '2026-02-28T00:00:00Z' }],
    ['PinUnknown', { isPinUnknown: true }],
    ['RegistrationTooOld', { registeredAt: '2026-02-20T00:00:00Z' }],
    ['RegistrationTooOld', { registeredAt: undefined }],
    ['RetryLater', { retryNotBeforeMs: NOW + 1 }],
  ])('is refused: %s', (expected, changed) => {
    expect(reason(changed)).toBe(expected);
  });

  describe('that the user lets wait', () => {
    const hold = { reason: 'WaitingForApproval', waitingFor: 'approval: kubectl annotate' } as const;

    it('is not set, and the message has the command', () => {
      expect(planResharding(input({ hold }))).toMatchObject({
        verdict: {
          status: 'False',
          reason: 'WaitingForApproval',
          message: 'from 2 to 4 shards: waits for approval: kubectl annotate',
        },
      });
    });

    it('lets shards that are not served come first, and what makes the approval useless', () => {
      expect(planResharding(input({ hold, served: 1 }))).toMatchObject({
        verdict: {
          reason: 'NotServed',
          message: expect.stringMatching(
            /^1 of 2 shards have a connected Coreapp; from 2 to 4 shards: waits/,
          ),
        },
      });
      expect(reason({ hold, certificate: undefined })).toBe('CertificateMissing');
      expect(reason({ hold, members: 3 })).toBe('WaitingForApproval');
    });

    it('is served as long as nothing changes', () => {
      expect(reason({ hold, current: 4, served: 4 })).toBe('Served');
    });
  });

  it('may disconnect the number if allowReRegistration is set', () => {
    expect(reason({ registeredAt: undefined, allowReRegistration: true })).toBe('set-shards');
  });
});
