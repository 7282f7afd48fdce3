import { describe, expect, it } from 'vitest';
import { cloudSpec } from '../../../../test/support/cloudSpec.ts';
import { whatsAppDeployment } from '../../../../test/support/whatsAppDeployment.ts';
import { type GatewayStatus, subscriptionState, tokenState } from '../../../cloud/gatewayStatus.ts';
import { graphVersionEnd } from '../../../cloud/graphVersions.ts';
import { clientExpiry, judgeClient } from './build.ts';
import {
  isRegisteredWith,
  judgeNumber,
  judgeSubscription,
  judgeToken,
  registrationObstacle,
} from './cloud.ts';

const { cloud } = whatsAppDeployment({ spec: { stack: 'Cloud', cloud: cloudSpec() } }).spec;
const number = {
  status: 'CONNECTED',
  number: '16315551000',
  verifiedName: 'Shop',
  throughput: 80,
  checkedAt: '2026-03-01T12:00:00Z',
};
const status: GatewayStatus = {
  graph: { version: 'v26.0', isAnswering: true, lastAnswerAt: '2026-03-01T12:00:00Z' },
  number,
  token: { state: 'Valid' },
  subscription: { state: 'Subscribed', url: 'https://hooks.example/webhook' },
  sending: { holds: [], waiting: 0, unknownOutcome: 0 },
};
const told = (changes: Partial<GatewayStatus> = {}) => ({ status: { ...status, ...changes } });
const about = (changes: object) => told({ number: { ...number, ...changes } });
const silent = { problem: 'the gateway is not ready yet' };

describe('the conditions of a stack with the Cloud API behind it', () => {
  it('are True for a stack without it', () => {
    const all = [judgeToken, judgeSubscription, judgeNumber].map((judge) => judge(undefined, undefined));
    expect(all.map((verdict) => [verdict.status, verdict.reason])).toEqual(
      Array(3).fill(['True', 'NoCloud']),
    );
    expect(registrationObstacle(undefined, undefined)).toBeUndefined();
  });

  it('are not known while the gateway does not answer', () => {
    const all = [judgeToken, judgeSubscription, judgeNumber].map((judge) => judge(cloud, silent));
    for (const verdict of all) expect(verdict).toMatchObject({ status: 'Unknown', message: silent.problem });
    expect(registrationObstacle(cloud, silent)).toMatchObject({ status: 'Unknown' });
  });

  it('tell each state of the token, and where another one belongs', () => {
    const reasons = tokenState.options.map((state) => judgeToken(cloud, told({ token: { state } })));
    expect(reasons.map((verdict) => `${verdict.status}/${verdict.reason}`)).toEqual([
      'True/Valid',
      'False/TokenRefused',
      'False/PermissionMissing',
      'False/WrongAccount',
      'Unknown/Unknown',
    ]);
    for (const verdict of reasons.slice(1, 4))
      expect(verdict.message).toContain('key accessToken of Secret meta');
    const ends = { state: 'Valid', expiresAt: '2026-05-01T00:00:00Z' } as const;
    expect(judgeToken(cloud, told({ token: ends })).message).toContain('ends at 2026-05-01T00:00:00Z');
  });

  it('tell each state of the subscription', () => {
    const reasons = subscriptionState.options.map((state) =>
      judgeSubscription(
        cloud,
        told({ subscription: { state, url: 'https://h.example/webhook', detail: 'no' } }),
      ),
    );
    expect(reasons.map((verdict) => `${verdict.status}/${verdict.reason}`)).toEqual([
      'True/Subscribed',
      'False/Pending',
      'False/SubscriptionFailed',
      'True/ByHand',
      'False/Removed',
    ]);
    expect(reasons[2]?.message).toContain('https://h.example/webhook (no)');
  });

  it('tell name, quality and limit of the number, and what is wrong with it', () => {
    const healthy = judgeNumber(cloud, about({ quality: 'GREEN', messagingLimit: 'TIER_1K' }));
    expect(healthy).toMatchObject({ status: 'True', reason: 'Healthy' });
    expect(healthy.message).toBe('display name Shop, quality GREEN, messaging limit TIER_1K, 80 messages/s');
    expect(judgeNumber(cloud, about({ quality: 'RED' })).reason).toBe('QualityLow');
    expect(judgeNumber(cloud, about({ nameStatus: 'DECLINED' })).reason).toBe('NameNotApproved');
    expect(judgeNumber(cloud, about({ status: 'FLAGGED' })).reason).toBe('NumberLimited');
  });

  it('keep what the Cloud API told, and say that it does not answer', () => {
    const graph = { ...status.graph, isAnswering: false, detail: 'no answer within 20 s' };
    expect(judgeToken(cloud, told({ graph }))).toMatchObject({ status: 'True', reason: 'Valid' });
    expect(judgeToken(cloud, told({ graph })).message).toContain(
      'does not answer now (no answer within 20 s), this is what it told at 2026-03-01T12:00:00Z',
    );
    expect(judgeToken(cloud, told({ graph, token: { state: 'Unknown' } })).message).toContain(
      'https://graph.facebook.com does not answer (no answer within 20 s)',
    );
  });
});

describe('a number of the Cloud API', () => {
  it('is registered only if the Cloud API says so too', () => {
    expect(isRegisteredWith(told(), true)).toBe(true);
    expect(isRegisteredWith(about({ status: 'FLAGGED' }), true)).toBe(true);
    expect(isRegisteredWith(about({ status: 'DISCONNECTED' }), true)).toBe(false);
    expect(isRegisteredWith(told(), undefined)).toBeUndefined();
    expect(isRegisteredWith(silent, true)).toBe(true);
  });

  it('is registered after a registration of which the Cloud API has not been asked since', () => {
    const pending = about({ status: 'PENDING' });
    const later = Date.parse(number.checkedAt) + 1;
    expect(isRegisteredWith(pending, true, later)).toBe(true);
    expect(isRegisteredWith(pending, true, later - 2)).toBe(false);
  });

  it('is not registered with a token that does not work, nor if that would change nothing', () => {
    expect(registrationObstacle(cloud, told({ token: { state: 'Refused' } }))?.reason).toBe('Waiting');
    expect(registrationObstacle(cloud, about({ status: 'BANNED' }))).toMatchObject({
      status: 'False',
      reason: 'NumberNotConnected',
    });
    expect(registrationObstacle(cloud, about({ status: 'PENDING' }))).toBeUndefined();
    expect(registrationObstacle(cloud, told())).toBeUndefined();
  });
});

describe('a version of the Graph API', () => {
  const DAY_MS = 86_400_000;
  const of = (graphVersion: string) =>
    whatsAppDeployment({ spec: { stack: 'Cloud', cloud: cloudSpec({ graphVersion }) } });
  const end = graphVersionEnd('v22.0') as number;
  const judged = (days: number) => judgeClient(of('v22.0'), {}, end - days * DAY_MS);

  it.each([
    [61, 'True', 'Current'],
    [59, 'True', 'ExpiresIn60Days'],
    [29, 'True', 'ExpiresIn30Days'],
    [6, 'False', 'ExpiresIn7Days'],
    [-1, 'False', 'Expired'],
  ])('is told %i days before its end: %s, %s', (days, status, reason) => {
    expect(judged(days)).toMatchObject({ status, reason });
    if (reason !== 'Current') expect(judged(days).message).toContain('set spec.cloud.graphVersion to v26.0');
  });

  it('ends long ago if it is older than all that are known, and never if it is the current one', () => {
    expect(judgeClient(of('v19.0'), {}, 0).reason).toBe('Expired');
    expect(judgeClient(of('v26.0'), {}, 0)).toMatchObject({ status: 'True', reason: 'Current' });
    expect(clientExpiry(of('v22.0'), {})).toBe(end);
    expect(clientExpiry(of('v26.0'), {})).toBeUndefined();
  });
});
