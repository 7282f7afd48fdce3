import * as z from 'zod';

/** Which of the two APIs of the simulation a record is about. */
export const apiName = z.enum(['v1', 'graph']);
export type ApiName = z.output<typeof apiName>;
