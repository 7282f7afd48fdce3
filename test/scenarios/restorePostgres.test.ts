import { restoreDrill } from '../support/restoreDrill.ts';

// CI has time for one drill of each engine; `npm run soak -- restored` does the others.
restoreDrill('PostgreSQL', process.env.RESTORE_DRILL ?? 'HighAvailability bucket');
