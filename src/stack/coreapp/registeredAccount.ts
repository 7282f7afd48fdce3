import type { Account, ConfigStore } from '../store/configStore.ts';
import { Refusal } from '../wire/protocol.ts';

/** @throws Refusal 1011 before the number is registered */
export async function registeredAccount(
  config: Pick<ConfigStore, 'account'>,
): Promise<Account & { registrationKey: string }> {
  const account = await config.account();
  if (!account?.registrationKey) throw new Refusal(1011, 'the number is not registered');
  return { ...account, registrationKey: account.registrationKey };
}
