import { describe, expect, it } from 'vitest';
import { whatsAppDeployment } from '../../../../test/support/whatsAppDeployment.ts';
import { databaseSays } from './databaseSays.ts';

const external = { host: 'db', credentialsSecretRef: { name: 'login' }, tls: { mode: 'Disable' } };

describe('what mends TLS that fails', () => {
  it.each([
    ['the field of an external database', { external }, 'mode in spec.database.external.tls,'],
    ['the log of a managed one', { managed: {} }, 'set spec.database.managed.tls.mode to Disable'],
  ])('is %s', (_, database, text) => {
    const resource = whatsAppDeployment({ spec: { database } });
    expect(databaseSays('DatabaseTlsFailed', resource)).toContain(text);
  });
});
