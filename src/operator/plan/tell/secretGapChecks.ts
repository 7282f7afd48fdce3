import { KEYS } from '../facts/generatedSecrets.ts';
import { NETWORK, names } from '../facts/names.ts';
import type { Observation } from '../facts/observed.ts';
import { type SecretGap, secretGaps } from '../facts/secretGaps.ts';
import { unmet, type Verdict } from './conditions.ts';

/** A key of the stack's own Secrets that only a person can put back. Nothing may restart with what is there instead. */
export function ownKeysAreThere(observed: Observation): Verdict<'DatabaseReady'> | undefined {
  const told = gapsForPeople(observed, ({ part }) => part !== 'control');
  return told === undefined
    ? undefined
    : unmet('DatabaseReady', 'SecretMissing', `${told}. Until then nothing of the stack changes`);
}

/** The token of the network process, which all stacks of the namespace share. No stack waits for it. */
export function sharedKeysAreThere(observed: Observation): Verdict<'WorkloadsReady'> | undefined {
  const told = gapsForPeople(observed, ({ part }) => part === 'control');
  return told === undefined ? undefined : unmet('WorkloadsReady', 'SecretMissing', told);
}

function gapsForPeople(observed: Observation, concerns: (gap: SecretGap) => boolean): string | undefined {
  const told = secretGaps(observed)
    .filter((gap) => gap.remedy === undefined && concerns(gap))
    .flatMap(({ name, keys }) => keys.map((key) => message(observed, name, key)));
  return told.length === 0 ? undefined : told.join('; ');
}

function message({ resource }: Observation, name: string, key: string): string {
  const { namespace } = resource.metadata;
  const { holder, variable } = HOLDERS[key] ?? {};
  const value =
    variable === undefined
      ? 'VALUE'
      : `$(kubectl -n ${namespace} exec deployment/${holder === 'network' ? NETWORK.name : names(resource.metadata.name).webapp} -c ${holder} -- printenv ${variable})`;
  const patch = `kubectl -n ${namespace} patch secret ${name} --type merge -p "{\\"stringData\\":{\\"${key}\\":\\"${value}\\"}}"`;
  const source =
    variable === undefined ? 'with the value of a backup' : 'with the value that its running pods have';
  return `key ${key} of Secret ${name} is missing or blank, and what the operator generated there is in use; put it back ${source}: ${patch}`;
}

/** Which container has the value of a key, and in which variable. */
const HOLDERS: Readonly<
  Record<string, { readonly holder: 'webapp' | 'network'; readonly variable: string }>
> = {
  [KEYS.jwt]: { holder: 'webapp', variable: 'WA_WEB_JWT_CRYPTO_KEY' },
  [KEYS.secret]: { holder: 'webapp', variable: 'WA_SECRET' },
  [KEYS.apiKey]: { holder: 'webapp', variable: 'WA_API_KEY' },
  token: { holder: 'network', variable: 'WABA_CONTROL_TOKEN' },
};
