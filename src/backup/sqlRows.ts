/** Counts what a dump of mysqldump or mariadb-dump holds, while it passes. */

const QUOTE = 0x27;
const BACKSLASH = 0x5c;
const OPEN = 0x28;
const CLOSE = 0x29;
const NEWLINE = 0x0a;
/** Names of databases and tables take at most 64 characters each, of at most 4 bytes. */
const LONGEST_START = 700;

const START = { use: 'USE `', end: '-- Dump completed' } as const;

/**
 * A dump is lines: one in which a statement starts tells the database, the table or the end; in lines of INSERT each pair of
 * outer parentheses holds one row.
 */
export class SqlRows {
  /** `<database>.<table>` to rows; tables without rows too. */
  readonly rows: Record<string, number> = {};
  /** The tool writes its last line only when it has written all others. */
  isComplete = false;
  #database = '';
  #table: string | undefined;
  #start = '';
  #state: 'start' | 'skip' | 'values' = 'start';
  #isQuoted = false;
  #isEscaped = false;
  #depth = 0;

  constructor(database = '') {
    this.#database = database;
  }

  async *of(content: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of content) {
      this.add(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength));
      yield chunk;
    }
  }

  add(chunk: Buffer): void {
    for (let at = 0; at < chunk.length; ) {
      if (this.#state === 'values') at = this.#readValues(chunk, at);
      else if (this.#state === 'skip') at = this.#skipLine(chunk, at);
      else at = this.#readStart(chunk, at);
    }
  }

  #skipLine(chunk: Buffer, from: number): number {
    const end = chunk.indexOf(NEWLINE, from);
    if (end === -1) return chunk.length;
    this.#state = 'start';
    return end + 1;
  }

  /** The beginning of a line, up to where it is known what it is. */
  #readStart(chunk: Buffer, from: number): number {
    const newline = chunk.indexOf(NEWLINE, from);
    const lineEnd = newline === -1 ? chunk.length : newline;
    const end = Math.min(lineEnd, from + LONGEST_START - this.#start.length);
    this.#start += chunk.toString('latin1', from, end);
    const insert = INSERT.exec(this.#start);
    if (insert) {
      const consumed = insert[0].length - (this.#start.length - (end - from));
      this.#table = this.#name(insert[1] ?? '');
      this.#begin('values');
      return from + consumed;
    }
    const isWhole = end === newline;
    if (!isWhole && this.#start.length < LONGEST_START) return end;
    this.#readLine(this.#start);
    this.#begin(isWhole ? 'start' : 'skip');
    return isWhole ? end + 1 : end;
  }

  #readLine(line: string): void {
    if (line.startsWith(START.use))
      this.#database = unquoted(line.slice(START.use.length, line.lastIndexOf('`')));
    else if (line.startsWith(START.end)) this.isComplete = true;
    const [, table] = CREATE.exec(line) ?? [];
    if (table !== undefined) this.rows[this.#name(table)] ??= 0;
  }

  /** A byte at a time: whatever is inside of quotes is data. The hot path of a backup. */
  #readValues(chunk: Buffer, from: number): number {
    let depth = this.#depth;
    let isQuoted = this.#isQuoted;
    let isEscaped = this.#isEscaped;
    let rows = 0;
    let at = from;
    let isOver = false;
    for (; at < chunk.length && !isOver; at++) {
      const byte = chunk[at];
      if (isEscaped) isEscaped = false;
      else if (isQuoted) {
        if (byte === QUOTE) isQuoted = false;
        else if (byte === BACKSLASH) isEscaped = true;
      } else if (byte === QUOTE) isQuoted = true;
      else if (byte === OPEN) {
        if (depth++ === 0) rows++;
      } else if (byte === CLOSE) depth--;
      // MariaDB breaks the line after each row: only `;` ends the statement, and the newline after it the line.
      else if (byte === SEMICOLON && depth === 0) isOver = true;
    }
    this.#depth = depth;
    this.#isQuoted = isQuoted;
    this.#isEscaped = isEscaped;
    const table = this.#table ?? '';
    this.rows[table] = (this.rows[table] ?? 0) + rows;
    if (isOver) this.#begin('skip');
    return at;
  }

  #begin(state: 'start' | 'skip' | 'values'): void {
    this.#state = state;
    this.#start = '';
  }

  #name(quoted: string): string {
    return `${this.#database}.${unquoted(quoted)}`;
  }
}

const SEMICOLON = 0x3b;
const INSERT = /^INSERT INTO `((?:[^`]|``)+)`(?: \((?:`(?:[^`]|``)+`(?:, ?)?)+\))? VALUES/;
const CREATE = /^CREATE TABLE `((?:[^`]|``)+)`/;

/** The bytes were read as latin1; names may be any UTF-8. */
const unquoted = (name: string): string => Buffer.from(name.replaceAll('``', '`'), 'latin1').toString('utf8');
