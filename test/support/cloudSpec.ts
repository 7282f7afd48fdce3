/** The least that `spec.cloud` needs, with changes. */
export const cloudSpec = (changes: object = {}) => ({
  phoneNumberId: '106540352242922',
  businessAccountId: '102290129340398',
  accessTokenSecretRef: { name: 'meta', key: 'accessToken' },
  appSecretRef: { name: 'meta', key: 'appSecret' },
  ...changes,
});
