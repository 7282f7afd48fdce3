import { restoreDrill } from '../support/restoreDrill.ts';

// CI has time for one drill of each engine; `npm run soak -- restored` does the others.
restoreDrill('MariaDB', process.env.RESTORE_DRILL ?? 'Single claim');
