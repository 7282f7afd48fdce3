import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RegistrationEntry } from '../facts/journal.ts';
import { planRegistration, type RegistrationInput } from './registration.ts';

const input = (changes: Partial<RegistrationInput> = {}): RegistrationInput => ({
  attempt: 1,
  entry: undefined,
  registered: false,
  certificate: 'cert',
  codeHash: undefined,
  certificateSource: 'Secret a',
  codeSource: 'Secret b',
  nowMs: 1_000,
  ...changes,
});
const step = (changes: Partial<RegistrationInput>) => planRegistration(input(changes)).do;
const reason = (changes: Partial<RegistrationInput>) => {
  const planned = planRegistration(input(changes));
  return planned.do === 'wait' ? planned.verdict.reason : planned.do;
};
const entry = (
  phase: RegistrationEntry['phase'],
  more: Partial<RegistrationEntry> = {},
): RegistrationEntry => ({ attempt: 1, phase, ...more });

describe('the registration plan', () => {
  it('requests a code once there is a certificate, and otherwise says where to put one', () => {
    expect(step({})).toBe('request-code');
    expect(reason({ certificate: undefined })).toBe('CertificateMissing');
  });

  it('does nothing while the stack does not report its registration, or once it is registered', () => {
    expect(reason({ registered: undefined })).toBe('Unknown');
    expect(reason({ registered: true })).toBe('Registered');
  });

  it('waits for the code, tries it once, and waits for another', () => {
    expect(reason({ entry: entry('code-requested') })).toBe('WaitingForCode');
    expect(step({ entry: entry('code-requested'), codeHash: 'h1' })).toBe('verify');
    expect(reason({ entry: entry('code-requested', { codeTried: 'h1' }), codeHash: 'h1' })).toBe(
      'CodeRefused',
    );
    expect(step({ entry: entry('code-requested', { codeTried: 'h1' }), codeHash: 'h2' })).toBe('verify');
  });

  it('requests no code after an unknown outcome, but tries a code that arrives', () => {
    expect(reason({ entry: entry('requesting') })).toBe('OutcomeUnknown');
    expect(step({ entry: entry('requesting'), codeHash: 'h1' })).toBe('verify');
    expect(reason({ entry: entry('verifying', { codeTried: 'h1' }), codeHash: 'h1' })).toBe('OutcomeUnknown');
  });

  it('requests again when the network allows it', () => {
    const refused = entry('refused', { retryNotBeforeMs: 5_000 });
    expect(planRegistration(input({ entry: refused }))).toMatchObject({ do: 'wait', retryAfterMs: 4_000 });
    expect(step({ entry: refused, nowMs: 5_000 })).toBe('request-code');
    expect(reason({ entry: entry('refused') })).toBe('Refused');
  });

  it('requests another code when the attempt is raised, in every state', () => {
    for (const phase of ['requesting', 'code-requested', 'refused', 'verifying', 'registered'] as const) {
      expect(step({ attempt: 2, entry: entry(phase) })).toBe('request-code');
    }
  });

  it('never requests twice within an attempt, unless the first was refused, and never tries a code twice', () => {
    const phases = fc.constantFrom('requesting', 'code-requested', 'verifying', 'registered') as fc.Arbitrary<
      RegistrationEntry['phase']
    >;
    fc.assert(
      fc.property(
        phases,
        fc.option(fc.constantFrom('h1', 'h2'), { nil: undefined }),
        fc.option(fc.constantFrom('h1', 'h2'), { nil: undefined }),
        (phase, codeTried, codeHash) => {
          const planned = step({ entry: entry(phase, codeTried ? { codeTried } : {}), codeHash });
          expect(planned).not.toBe('request-code');
          if (planned === 'verify') expect(codeHash).not.toBe(codeTried);
        },
      ),
      { numRuns: 500 },
    );
  });
});
