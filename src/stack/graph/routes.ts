import type { GraphRoute } from './graphRoute.ts';
import { accountRoutes } from './routes/accountRoutes.ts';
import { mediaRoutes } from './routes/mediaRoutes.ts';
import { messageRoutes } from './routes/messageRoutes.ts';
import { objectRoutes } from './routes/objectRoutes.ts';
import { registrationRoutes } from './routes/registrationRoutes.ts';
import { settingsRoutes } from './routes/settingsRoutes.ts';
import { uploadRoutes } from './routes/uploadRoutes.ts';

/** Everything that the simulated Graph API serves. */
export const graphRoutes: readonly GraphRoute[] = [
  ...messageRoutes,
  ...mediaRoutes,
  ...registrationRoutes,
  ...settingsRoutes,
  ...accountRoutes,
  ...uploadRoutes,
  ...objectRoutes,
];
