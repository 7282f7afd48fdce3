import type { DatabaseSettings } from './databaseSettings.ts';
import type { Engine } from './dialect.ts';
import { mysqlServer } from './mysqlServer.ts';
import { postgresServer } from './postgresServer.ts';
import type { AdminConnection, Server } from './serverTypes.ts';

export const servers: Readonly<Record<Engine, Server>> = { PGSQL: postgresServer, MYSQL: mysqlServer };

/** Works with a connection for administration, and closes it. @throws what the driver or `work` throws */
export async function asAdmin<T>(
  settings: DatabaseSettings,
  work: (admin: AdminConnection) => Promise<T>,
): Promise<T> {
  const admin = await servers[settings.engine].admin(settings);
  try {
    return await work(admin);
  } finally {
    await admin.close().catch(() => {});
  }
}
