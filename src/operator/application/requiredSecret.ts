import type { Observation } from '../plan/facts/observed.ts';
import { missingMessage, type SecretUse, secretLine } from '../plan/facts/secrets.ts';
import { ApplicationError } from './applicationError.ts';

type Secrets = Pick<Observation, 'referenced' | 'children'>;

/** A value of one line, without the line end of its file. @throws ApplicationError `SecretMissing`, `SecretRefused` */
export function requiredSecretLine(observed: Secrets, use: SecretUse): string {
  const found = secretLine(observed, use);
  if (found.value !== undefined) return found.value;
  throw new ApplicationError(found.reason, found.problem);
}

export const secretMissing = (observed: Secrets, use: SecretUse): ApplicationError =>
  new ApplicationError('SecretMissing', missingMessage(observed, use));
