import { CodedError } from '../base/codedError.ts';
import { type StackEnvironment, stackEnvironment } from '../onprem/environment.ts';

/** @throws CodedError `BadEnvironment`, which names each variable */
export function parseEnvironment(env: NodeJS.ProcessEnv): StackEnvironment {
  const parsed = stackEnvironment.safeParse(env);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
  throw new CodedError('BadEnvironment', `variables are missing or wrong: ${problems.join('; ')}`);
}
