import type { Observed } from '../facts/observed.ts';
import { forbiddenPodFields, oversizedPodTemplates } from '../facts/podSecurity.ts';
import { unmet, type Verdict } from './conditions.ts';

const MOST_NAMED = 5;

/** Why nothing of the stack may change: its user gives pods what they may not have. */
export function podsAreAllowed({
  resource: { spec },
  podSecurity,
}: Pick<Observed, 'resource' | 'podSecurity'>): Verdict<'SpecValid'> | undefined {
  const problems = [
    ...oversizedPodTemplates(spec),
    ...(podSecurity === 'Restricted' ? forbiddenPodFields(spec) : []),
  ];
  if (problems.length === 0) return undefined;
  const more = problems.length > MOST_NAMED ? `; and ${problems.length - MOST_NAMED} more` : '';
  return unmet('SpecValid', 'PodNotAllowed', `${problems.slice(0, MOST_NAMED).join('; ')}${more}`);
}
