import { describe, expect, it } from 'vitest';
import { registrationState } from './registrationState.ts';

const state = (
  reason: 'Registered' | 'Waiting' | 'Unknown' | 'NoAnswer' | 'RegistrationLost' | 'OutcomeUnknown',
  phase?: Parameters<typeof registrationState>[0],
) => registrationState(phase, { status: reason === 'Registered' ? 'True' : 'Unknown', reason });

describe('the state of the registration in the status', () => {
  it.each(['Waiting', 'Unknown', 'NoAnswer'] as const)(
    'stays Registered while nothing is known (%s)',
    (reason) => {
      expect(state(reason, 'registered')).toBe('Registered');
    },
  );

  it('is Unregistered once the registration is lost, or was never there', () => {
    expect(state('RegistrationLost', 'registered')).toBe('Unregistered');
    expect(state('Waiting')).toBe('Unregistered');
    expect(state('Waiting', 'refused')).toBe('Unregistered');
  });

  it('is what the stack says, whatever the journal says', () => {
    expect(state('Registered', 'refused')).toBe('Registered');
  });

  it('is Unknown only after a call of unknown outcome', () => {
    expect(state('OutcomeUnknown', 'requesting')).toBe('Unknown');
    expect(state('OutcomeUnknown', 'verifying')).toBe('Unknown');
    expect(state('Waiting', 'code-requested')).toBe('CodeRequested');
  });
});
