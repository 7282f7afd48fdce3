import { CodedError } from '../base/codedError.ts';
import { CLIENT_VERSION } from '../onprem/clientVersion.ts';
import { stackEnvironment } from '../onprem/environment.ts';

/** The client version that a process stands for. @throws CodedError `BadEnvironment` */
export function clientVersion({
  WABA_CLIENT_VERSION: text,
}: Readonly<Record<string, string | undefined>>): string {
  const { data, error } = stackEnvironment.shape.WABA_CLIENT_VERSION.safeParse(text);
  if (error) throw new CodedError('BadEnvironment', `WABA_CLIENT_VERSION ${error.issues[0]?.message}`);
  return data ?? CLIENT_VERSION;
}
