import { z } from 'zod';
import { type AsynchronousErrorCode, asynchronousErrors } from '../../onprem/errorCatalogue.ts';

/** What messages can be made to fail with. */
export const failureCode = z.literal(Object.keys(asynchronousErrors).map(Number) as AsynchronousErrorCode[]);
