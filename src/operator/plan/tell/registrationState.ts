import type { WhatsAppDeploymentStatus } from '../../resource/status.ts';
import type { RegistrationEntry } from '../facts/journal.ts';
import type { Verdict } from './conditions.ts';

/**
 * `status.registration.state`. While the API cannot be asked, what the journal says holds: a hiccup does not undo a
 * registration.
 */
export function registrationState(
  phase: RegistrationEntry['phase'] | undefined,
  { status, reason }: Pick<Verdict, 'status' | 'reason'>,
): NonNullable<NonNullable<WhatsAppDeploymentStatus['registration']>['state']> {
  if (status === 'True') return 'Registered';
  if (phase === 'registered') return reason === 'RegistrationLost' ? 'Unregistered' : 'Registered';
  if (phase === undefined || phase === 'refused') return 'Unregistered';
  return phase === 'code-requested' ? 'CodeRequested' : 'Unknown';
}
