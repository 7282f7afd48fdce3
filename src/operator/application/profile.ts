import { hashOf } from '../../engine/kube/ownFields.ts';
import { settingsDifference } from '../../onprem/settings.ts';
import { snakeKeys } from '../../onprem/snakeKeys.ts';
import { patchedFields } from '../plan/decide/drift.ts';
import type { WhatsAppDeployment } from '../resource/whatsAppDeployment.ts';
import { cannotCompare, type Difference } from './differences.ts';
import { type ApplicationPass, journalOf, updateJournal } from './pass.ts';
import { secretMissing } from './requiredSecret.ts';

type Profile = NonNullable<WhatsAppDeployment['spec']['profile']>;

/** About text, photo, business profile and compliance information. */
export async function profileDifferences(pass: ApplicationPass): Promise<Difference[]> {
  const { profile } = pass.observed.resource.spec;
  if (!profile) return [];
  const parts = await Promise.all([
    about(pass, profile),
    photo(pass, profile),
    business(pass, profile),
    compliance(pass, profile),
  ]);
  return parts.flat();
}

async function about({ asAdmin, signal }: ApplicationPass, { about: text }: Profile): Promise<Difference[]> {
  if (text === undefined) return [];
  const current = await asAdmin((client, session) => client.settings.about(session, signal));
  if (current === text) return [];
  return [
    {
      fields: ['profile.about'],
      repair: () => asAdmin((client, session) => client.settings.setAbout(session, text, signal)),
    },
  ];
}

/** The stack may scale a photo, so the journal keeps a hash of the one that was uploaded. */
async function photo(pass: ApplicationPass, { photoSecretRef: reference }: Profile): Promise<Difference[]> {
  if (!reference) return [];
  const { asAdmin, signal, observed } = pass;
  const base64 = observed.referenced.get(reference.name)?.raw?.[reference.key];
  if (!base64)
    return [
      cannotCompare(
        secretMissing(observed, { reference, field: 'spec.profile.photoSecretRef', content: 'the photo' }),
      ),
    ];
  const bytes = Buffer.from(base64, 'base64');
  const hash = hashOf(base64);
  const current = await asAdmin((client, session) => client.settings.photo(session, signal));
  current?.content.destroy();
  if (current && journalOf(pass).photo === hash) return [];
  const type = bytes[0] === 0x89 ? 'image/png' : 'image/jpeg';
  return [
    {
      fields: ['profile.photo'],
      repair: async () => {
        await asAdmin((client, session) => client.settings.setPhoto(session, bytes, type, signal));
        await updateJournal(pass, (journal) => ({ ...journal, photo: hash }));
      },
    },
  ];
}

async function business(
  { asAdmin, signal }: ApplicationPass,
  { business: declared }: Profile,
): Promise<Difference[]> {
  if (!declared) return [];
  const current = await asAdmin((client, session) => client.settings.businessProfile(session, signal));
  const patch = settingsDifference(declared, current);
  if (!patch) return [];
  return [
    {
      fields: patchedFields(patch, 'profile.business.'),
      repair: () => asAdmin((client, session) => client.settings.setBusinessProfile(session, patch, signal)),
    },
  ];
}

/** Written as a whole: no source says that the stack accepts a partial update. */
async function compliance(
  { asAdmin, signal }: ApplicationPass,
  { compliance: declared }: Profile,
): Promise<Difference[]> {
  if (!declared) return [];
  const wanted = snakeKeys(declared);
  const current = await asAdmin((client, session) => client.settings.complianceInfo(session, signal));
  const patch = settingsDifference(wanted, current);
  if (!patch) return [];
  return [
    {
      fields: patchedFields(patch, 'profile.compliance.'),
      repair: () =>
        asAdmin((client, session) =>
          client.settings.setComplianceInfo(session, { ...current, ...wanted }, signal),
        ),
    },
  ];
}
