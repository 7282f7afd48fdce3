import * as z from 'zod';
import { type AsynchronousErrorCode, asynchronousErrors } from '../../onprem/errorCatalogue.ts';

/** Codes with which messages can be made to fail. */
export const failureCode = z.literal(Object.keys(asynchronousErrors).map(Number) as AsynchronousErrorCode[]);
