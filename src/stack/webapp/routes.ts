import { knows } from '../../onprem/clientBehaviour.ts';
import type { Route } from './route.ts';
import { accountRoutes } from './routes/account.ts';
import { certificateRoutes } from './routes/certificates.ts';
import { contactRoutes } from './routes/contacts.ts';
import { mediaRoutes } from './routes/media.ts';
import { messageRoutes } from './routes/messages.ts';
import { operationRoutes } from './routes/operations.ts';
import { settingsRoutes } from './routes/settings.ts';
import { stickerpackRoutes } from './routes/stickerpacks.ts';
import { userRoutes } from './routes/users.ts';

/** Everything that the API serves. */
export const routes: readonly Route[] = [
  ...userRoutes,
  ...accountRoutes,
  ...settingsRoutes,
  ...certificateRoutes,
  ...messageRoutes,
  ...mediaRoutes,
  ...contactRoutes,
  ...stickerpackRoutes,
  ...operationRoutes,
];

/** What a client of this version serves. */
export const routesOf = (version: string): readonly Route[] =>
  routes.filter(({ since }) => since === undefined || knows(version, since));
