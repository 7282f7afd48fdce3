import { DATABASE_VERDICTS, type DatabaseVerdict, databaseVerdict } from '../../../onprem/databaseVerdict.ts';

/** Why a client of the database does not get in, told by what it prints. */
export interface DatabaseCause {
  readonly reason: DatabaseVerdict;
  /** The words that told it. */
  readonly line: string;
}

/** A stack trace or a summary may follow the line that tells the cause. */
const LOOKED_AT = 5;

/** The newest of the last lines that tells why the database does not let the client in. */
export function databaseCause(lines: readonly string[]): DatabaseCause | undefined {
  const newest = lines.slice(-LOOKED_AT).reverse();
  for (const line of newest) {
    const text = plain(line);
    const reason = ofCheck(line) ?? databaseVerdict(text);
    if (reason) return { reason, line: text };
    // Each line of ours stands for itself: a later one says that the client went on.
    if (line.startsWith('{')) return undefined;
  }
  return undefined;
}

const parsed = (line: string): Readonly<Record<string, unknown>> => {
  try {
    return JSON.parse(line) as Readonly<Record<string, unknown>>;
  } catch {
    return {};
  }
};

/** `check-database` names its verdict, which its words need not contain. */
function ofCheck(line: string): DatabaseVerdict | undefined {
  const { verdict } = line.startsWith('{') ? parsed(line) : {};
  return DATABASE_VERDICTS.find((known) => known === verdict);
}

/** A line as people read it. Programs of ours print JSON, with the error beside the message. */
export function plain(line: string): string {
  if (!line.startsWith('{')) return line.trim();
  const { message, error } = parsed(line);
  return typeof message === 'string'
    ? [message, error].filter((part) => typeof part === 'string').join(': ')
    : line;
}
