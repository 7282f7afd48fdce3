import { describe, expect, it } from 'vitest';
import { ApiError } from '../../../engine/kube/apiError.ts';
import { failed, met, stamp, waitingFor, withLastKnown } from './conditions.ts';

const registered = met('Registered', 'Registered', 'the number is registered');
const waiting = waitingFor('Registered', 'ApiReachable');
const stored = (verdict: Parameters<typeof withLastKnown>[0]) => stamp([verdict], [], 1, 0);

describe('a condition that could not be looked at', () => {
  it('is Unknown with the last that was known, also after several such passes', () => {
    const first = withLastKnown(waiting, stored(registered));
    expect(first).toEqual({
      type: 'Registered',
      status: 'Unknown',
      reason: 'Unknown',
      message:
        'not looked at, waiting until ApiReachable is True (last known: True Registered: the number is registered)',
    });
    expect(withLastKnown(waiting, stored(first))).toEqual(first);
  });

  it('waits if it never was looked at', () => {
    expect(withLastKnown(waiting, [])).toEqual(waiting);
    expect(withLastKnown(waiting, stored(waiting))).toEqual(waiting);
    expect(withLastKnown(registered, stored(waiting))).toEqual(registered);
  });
});

describe('the reason for an answer of the API server', () => {
  const forbidden = (message: string) =>
    failed('WorkloadsReady', new ApiError(403, { reason: 'Forbidden', message }, 'POST'));

  it.each([
    ['exceeded quota: small, requested: pods=1, used: pods=0, limited: pods=0', 'QuotaExceeded'],
    ['failed quota: small: must specify requests.memory for: database', 'QuotaExceeded'],
    ['violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false', 'AdmissionDenied'],
    ['ValidatingAdmissionPolicy "images" with binding "images" denied request: no', 'AdmissionDenied'],
    ['unable to create new content in namespace shop because it is being terminated', 'NamespaceTerminating'],
    ['User "operator" cannot create resource "services"', 'Forbidden'],
  ])('%s', (message, reason) => {
    expect(forbidden(message).reason).toBe(reason);
  });
});
