import type { z } from 'zod';
import type { ErrorCode } from './errorCatalogue.ts';

/** Shapes refuse most input with 1008 (missing), 1009 (wrong) and 1010 (superfluous). This is for the other codes. */
export interface RefusalParams {
  readonly apiCode: ErrorCode;
}

/** The context that zod passes to a refinement. */
interface Context {
  addIssue(issue: { code: 'custom'; message: string; path: PropertyKey[]; params: RefusalParams }): void;
}

/** Refuses the value with a code of the catalogue. */
export function refuse(
  context: Context,
  apiCode: ErrorCode,
  message: string,
  path: readonly PropertyKey[] = [],
): void {
  context.addIssue({ code: 'custom', message, path: [...path], params: { apiCode } });
}

/** Passes on the issues of a nested shape. */
export function refuseInside(
  context: { addIssue(issue: never): void },
  issues: readonly z.core.$ZodIssue[],
  path: readonly PropertyKey[],
): void {
  for (const issue of issues) context.addIssue({ ...issue, path: [...path, ...issue.path] } as never);
}
