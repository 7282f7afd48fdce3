import { type DatabaseCertificate, type TestDatabase, testPostgres } from './emulatorStack.ts';
import { testMariadb } from './testMariadb.ts';

/** The server of this test project: PostgreSQL, or MariaDB if the project says so. */
export const testDatabase = (tls?: DatabaseCertificate): Promise<TestDatabase> =>
  process.env.WABA_TEST_ENGINE === 'MYSQL' ? testMariadb(tls) : testPostgres(tls);
