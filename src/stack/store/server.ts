import type { Engine } from './dialect.ts';
import { mysqlServer } from './mysqlServer.ts';
import { postgresServer } from './postgresServer.ts';
import type { Server } from './serverTypes.ts';

export const servers: Readonly<Record<Engine, Server>> = { PGSQL: postgresServer, MYSQL: mysqlServer };
