import type * as z from 'zod';
import type { ErrorCode } from './errorCatalogue.ts';

/** Shapes refuse most input with 1008 (missing), 1009 (wrong) and 1010 (superfluous). This is for the other codes. */
export interface RefusalParams {
  readonly apiCode: ErrorCode;
  /** The message is the whole text of the details: no path is put before it. */
  readonly isWhole?: true;
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

/** The documented words for a parameter that a message must have. Source: docs/onprem/api-messaging.md §2.2. */
export function refuseMissing(
  context: Context,
  type: string,
  names: readonly string[],
  path: readonly PropertyKey[] = [],
): void {
  const message = `Parameter ${names.map((name) => `'${name}'`).join(' or ')} is mandatory for type '${type}'`;
  context.addIssue({ code: 'custom', message, path: [...path], params: { apiCode: 1008, isWhole: true } });
}

/** Passes on the issues of a nested shape. */
export function refuseInside(
  context: { addIssue(issue: never): void },
  issues: readonly z.core.$ZodIssue[],
  path: readonly PropertyKey[],
): void {
  for (const issue of issues) context.addIssue({ ...issue, path: [...path, ...issue.path] } as never);
}

/** What an issue says about the API's answer, if a shape said it. */
export const paramsOf = (issue: z.core.$ZodIssue): Partial<RefusalParams> =>
  ((issue as { params?: unknown }).params ?? {}) as Partial<RefusalParams>;

export const valueAt = (value: unknown, path: readonly PropertyKey[]): unknown =>
  path.reduce<unknown>(
    (inner, key) => (inner as Record<PropertyKey, unknown> | undefined | null)?.[key],
    value,
  );
