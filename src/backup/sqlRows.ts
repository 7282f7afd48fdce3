/** Counts what a dump of mysqldump or mariadb-dump holds, while it passes. */

const QUOTE = 0x27;
const BACKSLASH = 0x5c;
const OPEN = 0x28;
const CLOSE = 0x29;
const SEMICOLON = 0x3b;
const COMMA = 0x2c;
const HEX = 'x'.charCodeAt(0);
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
  /** Before the next byte, in a string. */
  #backslashes = 0;
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

  /** Whatever is inside of quotes is data. The hot path of a backup: strings and blobs are jumped over. */
  #readValues(chunk: Buffer, from: number): number {
    let rows = 0;
    let at = from;
    let isOver = false;
    while (at < chunk.length && !isOver) {
      if (this.#isQuoted) {
        at = this.#skipString(chunk, at);
        continue;
      }
      const byte = chunk[at++];
      if (byte === QUOTE) this.#isQuoted = true;
      else if (byte === HEX) at = endOfHex(chunk, at);
      else if (byte === OPEN) {
        if (this.#depth++ === 0) rows++;
      } else if (byte === CLOSE) this.#depth--;
      // MariaDB breaks the line after each row: only `;` ends the statement, and the newline after it the line.
      else if (byte === SEMICOLON && this.#depth === 0) isOver = true;
    }
    const table = this.#table ?? '';
    this.rows[table] = (this.rows[table] ?? 0) + rows;
    if (isOver) this.#begin('skip');
    return at;
  }

  /** @returns where to go on: behind the next quote, which ends the string unless an odd number of backslashes is before it */
  #skipString(chunk: Buffer, from: number): number {
    const quote = chunk.indexOf(QUOTE, from);
    const end = quote === -1 ? chunk.length : quote;
    let start = end;
    while (start > from && chunk[start - 1] === BACKSLASH) start--;
    // The backslashes may have begun in the chunk before.
    this.#backslashes = end - start + (start === from ? this.#backslashes : 0);
    if (quote === -1) return end;
    if (this.#backslashes % 2 === 0) this.#isQuoted = false;
    this.#backslashes = 0;
    return quote + 1;
  }

  #begin(state: 'start' | 'skip' | 'values'): void {
    this.#state = state;
    this.#start = '';
  }

  #name(quoted: string): string {
    return `${this.#database}.${unquoted(quoted)}`;
  }
}

/** Where a blob such as `0x00ff` ends: at the next comma or parenthesis. */
function endOfHex(chunk: Buffer, from: number): number {
  const comma = chunk.indexOf(COMMA, from);
  const close = chunk.indexOf(CLOSE, from);
  return Math.min(comma === -1 ? chunk.length : comma, close === -1 ? chunk.length : close);
}

const INSERT = /^INSERT INTO `((?:[^`]|``)+)`(?: \((?:`(?:[^`]|``)+`(?:, ?)?)+\))? VALUES/;
const CREATE = /^CREATE TABLE `((?:[^`]|``)+)`/;

/** The bytes were read as latin1; names may be any UTF-8. */
const unquoted = (name: string): string => Buffer.from(name.replaceAll('``', '`'), 'latin1').toString('utf8');
