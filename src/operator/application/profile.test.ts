import { describe, expect, it } from 'vitest';
import { FakeApplication } from '../../../test/support/fakeApplicationPass.ts';
import { profileDifferences } from './profile.ts';

const PHOTO = '/v1/settings/profile/photo';
const BUSINESS = '/v1/settings/business/profile';
const COMPLIANCE = '/v1/settings/business/compliance_info';
const PNG = '\x89PNG';

/** Runs one pass with its repairs. Returns the fields that differed. */
async function synchronise(application: FakeApplication): Promise<string[]> {
  const differences = await profileDifferences(application.pass());
  for (const { repair } of differences) await repair();
  return differences.flatMap(({ fields }) => fields);
}
const withProfile = (profile: object, secrets = {}) => new FakeApplication({ profile }, { secrets });
const withPhoto = (photo: string) =>
  withProfile({ photoSecretRef: { name: 'photo', key: 'photo' } }, { photo: { photo } });

describe('the profile', () => {
  it('is read only in the parts that are declared', async () => {
    const nothing = new FakeApplication();
    expect(await synchronise(nothing)).toEqual([]);
    expect(nothing.stack.takeCalls()).toEqual([]);
    const empty = withProfile({});
    expect(await synchronise(empty)).toEqual([]);
    expect(empty.stack.takeCalls()).toEqual([]);
  });

  it('gets the declared about text once', async () => {
    const application = withProfile({ about: 'Open' });
    expect(await synchronise(application)).toEqual(['profile.about']);
    expect(application.stack.takeWrites()).toEqual([['PATCH /v1/settings/profile/about', { text: 'Open' }]]);
    expect(await synchronise(application)).toEqual([]);
    expect(application.stack.takeCalls()).toEqual(['GET /v1/settings/profile/about']);
  });

  it('gets only the fields of the business profile that differ', async () => {
    const application = withProfile({ business: { description: 'Shoes', address: '' } });
    expect(await synchronise(application)).toEqual(['profile.business.description']);
    expect(application.stack.takeWrites()).toEqual([[`POST ${BUSINESS}`, { description: 'Shoes' }]]);
    expect(await synchronise(application)).toEqual([]);
  });

  it('gets the compliance information as a whole, including fields that another client set', async () => {
    const application = withProfile({ compliance: { entityName: 'Shoes', entityType: 'Other' } });
    application.stack.state.compliance = { entity_name: 'Boots', is_registered: true };
    expect(await synchronise(application)).toEqual([
      'profile.compliance.entity_name',
      'profile.compliance.entity_type',
    ]);
    expect(application.stack.takeWrites()).toEqual([
      [`POST ${COMPLIANCE}`, { entity_name: 'Shoes', entity_type: 'Other', is_registered: true }],
    ]);
    expect(await synchronise(application)).toEqual([]);
  });

  it('gets the photo once, although the stack returns a scaled one', async () => {
    const application = withPhoto('a jpeg');
    expect(await synchronise(application)).toEqual(['profile.photo']);
    expect(await synchronise(application)).toEqual([]);
    expect(application.stack.takeCalls()).toEqual([
      `GET ${PHOTO}`,
      [`POST ${PHOTO}`, Buffer.from('a jpeg')],
      `GET ${PHOTO}`,
    ]);
  });

  it('gets the photo again when the Secret changes, and when another client removed it', async () => {
    const application = withPhoto('first');
    await synchronise(application);
    application.secrets = { photo: { photo: PNG } };
    await synchronise(application);
    application.stack.state.photo = undefined;
    await synchronise(application);
    expect(application.stack.takeWrites()).toHaveLength(3);
  });

  it('gets the photo again when the answer to the upload was lost', async () => {
    const application = withPhoto('a jpeg');
    application.stack.failNext(`POST ${PHOTO}`, { lose: 'after' });
    await expect(synchronise(application)).rejects.toMatchObject({ code: 'Unreachable' });
    expect(application.journal.photo).toBeUndefined();
    await synchronise(application);
    expect(await synchronise(application)).toEqual([]);
  });

  it('fails with the code of the stack when the stack refuses it, and leaves the journal unchanged', async () => {
    const application = withPhoto('a jpeg');
    application.stack.failNext(`POST ${PHOTO}`, { refuse: 1014 });
    await expect(synchronise(application)).rejects.toMatchObject({ apiCode: 1014 });
    expect(application.journals.writes).toBe(0);
  });

  it('fails without the photo, and names the Secret, its key and the field', async () => {
    const application = withProfile({ photoSecretRef: { name: 'photo', key: 'front.jpg' } });
    await expect(synchronise(application)).rejects.toMatchObject({
      code: 'SecretMissing',
      message: expect.stringMatching(/Secret photo .*spec\.profile\.photoSecretRef.*key front\.jpg/),
    });
    expect(application.stack.takeWrites()).toEqual([]);
  });
});
