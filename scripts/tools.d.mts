/** Those that are not installed or do not answer, each with a line that says how to get it. */
export function missingTools(names: readonly string[]): { readonly name: string; readonly hint: string }[];
