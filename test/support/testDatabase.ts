import { type DatabaseCertificate, type TestDatabase, testPostgres } from './emulatorStack.ts';
import { testMariadb } from './testMariadb.ts';

const MEMORY: TestDatabase = {
  engine: 'PGSQL',
  isMemory: true,
  port: 0,
  password: '',
  close: async () => {},
};

/** The server of this test project: PostgreSQL, or MariaDB or none if the project says so. */
export async function testDatabase(tls?: DatabaseCertificate): Promise<TestDatabase> {
  const { WABA_TEST_ENGINE: engine } = process.env;
  if (engine === 'MEMORY') return MEMORY;
  return engine === 'MYSQL' ? testMariadb(tls) : testPostgres(tls);
}
