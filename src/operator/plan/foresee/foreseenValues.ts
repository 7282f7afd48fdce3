import { hashOf } from '../../../engine/kube/ownFields.ts';
import { DEFAULT_ADMIN, passwordProblem } from '../../../onprem/users.ts';
import { declaredSettings, restartValues } from '../facts/applicationSettings.ts';
import {
  declaredValues,
  defaultSettings,
  nowMatched,
  orphanedWebhookUrl,
  pinHash,
  providerConfig,
  userHash,
  type ValueGroup,
  valueHash,
} from '../facts/journalHashes.ts';
import { holdsWebhookCa, NO_WEBHOOK_CA } from '../facts/restartTopics.ts';
import { missingMessage, secretLine, secretValue } from '../facts/secrets.ts';
import { bringAbout, call, type Pass, type Step, wait } from './foreseenPass.ts';

/** The declared values that the stack does not have, as far as the journal knows. */
function unmatched(pass: Pass, group: ValueGroup): string[] {
  const known = pass.journal.matched ?? {};
  const presumed = (path: string): string | undefined =>
    group === 'settings' ? valueHash(defaultSettings.get(path)) : undefined;
  return [...declaredValues(pass.observed.resource, group)].flatMap(([path, value]) =>
    valueHash(value) === (known[`${group}.${path}`] ?? presumed(path)) ? [] : [path],
  );
}

const settings: Step = (pass) => {
  const declared = declaredSettings(pass.observed.resource);
  const restarting = restartValues(declared);
  const orphan = orphanedWebhookUrl(pass.observed.resource, pass.journal.matched);
  const patch = [...unmatched(pass, 'settings'), ...(orphan === undefined ? [] : ['webhooks.url'])];
  const announce = () =>
    call(pass, 'PATCH /v1/settings/application', 'declared in spec.settings and spec.webhook', patch);
  const isRestartDue = patch.some((path) => path in restarting);
  if (patch.length > 0 && !isRestartDue) {
    announce();
    return true;
  }
  if (Object.keys(restarting).length === 0) return true;
  const isEffective = Object.entries(restarting).every(
    ([path, value]) => valueHash(value) === valueHash(defaultSettings.get(path)),
  );
  const found = { hash: hashOf(restarting), isInPlace: !isRestartDue, isEffective };
  bringAbout(pass, 'settings', found, announce);
  return true;
};

const without = (entries: Readonly<Record<string, string>>, gone: string): Record<string, string> =>
  Object.fromEntries(Object.entries(entries).filter(([name]) => name !== gone));

const providers: Step = (pass) => {
  const { observed, hidden } = pass;
  const declared = observed.resource.spec.media?.providers ?? [];
  for (const { name, type, credentialsSecretRef: reference } of declared) {
    if (hidden.has(reference.name)) continue;
    const config = providerConfig(observed.referenced.get(reference.name)?.data);
    if (!config) {
      wait(pass, 'SettingsSynced', `Secret ${reference.name} has no credentials of provider ${name}`);
      continue;
    }
    const hash = hashOf({ name, type, config });
    if (pass.journal.providers[name] === hash) continue;
    call(pass, 'POST /v1/settings/application/media/providers', `sets media provider ${name}`);
    pass.journal = { ...pass.journal, providers: { ...pass.journal.providers, [name]: hash } };
  }
  for (const name of Object.keys(pass.journal.providers)) {
    if (declared.some((provider) => provider.name === name)) continue;
    call(pass, `DELETE /v1/settings/application/media/providers/${encodeURIComponent(name)}`, GONE(name));
    pass.journal = { ...pass.journal, providers: without(pass.journal.providers, name) };
  }
  return true;
};

const GONE = (name: string): string => `${name} is no longer declared`;

const users: Step = (pass) => {
  const { observed, hidden } = pass;
  const declared = (observed.resource.spec.users ?? []).filter(({ name }) => name !== DEFAULT_ADMIN.username);
  for (const { name, passwordSecretRef: reference } of declared) {
    const known = pass.journal.users[name];
    const use = {
      reference,
      field: `spec.users[${name}].passwordSecretRef`,
      content: `the password of user ${name}`,
    };
    const found = hidden.has(reference.name) ? undefined : secretLine(observed, use);
    const password = found?.value;
    if (hidden.has(reference.name)) {
      if (known !== undefined) continue;
    } else if (password === undefined) {
      wait(pass, 'SettingsSynced', found?.problem ?? '');
      continue;
    } else if (passwordProblem(password) !== undefined) {
      wait(pass, 'SettingsSynced', `the stack would refuse the password in Secret ${reference.name}`);
      continue;
    }
    const hash = userHash(name, password ?? '');
    if (known === hash) continue;
    if (known === undefined) call(pass, 'POST /v1/users', `creates user ${name}`);
    else call(pass, `PUT /v1/users/${encodeURIComponent(name)}`, `sets the password of user ${name}`);
    pass.journal = { ...pass.journal, users: { ...pass.journal.users, [name]: hash } };
  }
  for (const name of Object.keys(pass.journal.users)) {
    if (declared.some((user) => user.name === name)) continue;
    call(pass, `DELETE /v1/users/${encodeURIComponent(name)}`, GONE(name));
    pass.journal = { ...pass.journal, users: without(pass.journal.users, name) };
  }
  return true;
};

const PROFILE: readonly (readonly [ValueGroup, string])[] = [
  ['profile.about', 'PATCH /v1/settings/profile/about'],
  ['profile.business', 'POST /v1/settings/business/profile'],
  ['profile.compliance', 'POST /v1/settings/business/compliance_info'],
];

const profile: Step = (pass) => {
  if (!pass.number.isRegistered) return true;
  const { observed, hidden } = pass;
  for (const [group, target] of PROFILE) {
    const fields = unmatched(pass, group);
    if (fields.length > 0) call(pass, target, 'declared in spec.profile', fields);
  }
  const reference = observed.resource.spec.profile?.photoSecretRef;
  if (!reference || hidden.has(reference.name)) return true;
  const photo = observed.referenced.get(reference.name)?.raw?.[reference.key];
  if (photo === undefined) {
    const use = { reference, field: 'spec.profile.photoSecretRef', content: 'the photo' };
    wait(pass, 'SettingsSynced', missingMessage(observed, use));
    return true;
  }
  if (pass.journal.photo === hashOf(photo)) return true;
  call(pass, 'POST /v1/settings/profile/photo', `the photo of Secret ${reference.name}`);
  pass.journal = { ...pass.journal, photo: hashOf(photo) };
  return true;
};

const TWO_STEP = '/v1/settings/account/two-step';

const twoStep: Step = (pass) => {
  if (!pass.number.isRegistered) return true;
  const reference = pass.observed.resource.spec.twoStep?.pinSecretRef;
  const { twoStepPin: known, ...journal } = pass.journal;
  if (!reference) {
    if (known === undefined) return true;
    call(pass, `DELETE ${TWO_STEP}`, 'spec.twoStep is no longer declared');
    pass.journal = journal;
    return true;
  }
  if (pass.hidden.has(reference.name)) return true;
  const pin = secretValue(pass.observed, reference)?.trim();
  if (pin === undefined || !/^\d{6}$/.test(pin)) {
    wait(pass, 'SettingsSynced', `Secret ${reference.name}, key ${reference.key} holds no PIN`);
    return true;
  }
  if (pinHash(pin) === known) return true;
  call(pass, `POST ${TWO_STEP}`, `the PIN of Secret ${reference.name}`);
  pass.journal = { ...journal, twoStepPin: pinHash(pin) };
  return true;
};

/** The stack matches the declaration now. */
const remember: Step = (pass) => {
  const { observed, number, journal } = pass;
  pass.journal = {
    ...journal,
    matched: nowMatched(observed.resource, number.isRegistered, journal.matched),
  };
  return true;
};

export const webhook: Step = (pass) => {
  const reference = pass.observed.resource.spec.webhook?.caSecretRef;
  if (!reference) {
    if (holdsWebhookCa(pass.journal))
      bringAbout(pass, 'webhookCa', { hash: NO_WEBHOOK_CA, isInPlace: false }, () =>
        call(pass, 'DELETE /v1/certificates/webhooks/ca', 'spec.webhook.caSecretRef is no longer declared'),
      );
    return true;
  }
  if (pass.hidden.has(reference.name)) return true;
  const pem = secretValue(pass.observed, reference);
  if (!pem?.trim()) {
    const use = {
      reference,
      field: 'spec.webhook.caSecretRef',
      content: 'the CA of the webhook receiver',
    };
    wait(pass, 'WebhookReady', missingMessage(pass.observed, use));
    return true;
  }
  const { applied, pending } = pass.journal.webhookCa;
  const found = { hash: hashOf(pem), isInPlace: applied === hashOf(pem) && pending === undefined };
  bringAbout(pass, 'webhookCa', found, () =>
    call(pass, 'POST /v1/certificates/webhooks/ca', `the CA of Secret ${reference.name}`),
  );
  return true;
};

/** What the operator compares with the stack, in its order: settings, providers, users, and what belongs to the number. */
export const DECLARED: readonly Step[] = [settings, providers, users, profile, twoStep, remember];
