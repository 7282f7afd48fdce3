const NEWLINE = 0x0a;
/** Lines that name a database are short; longer ones hold rows. */
const LONGEST_NAME_LINE = 400;
const STATEMENT = /^(USE|CREATE DATABASE (?:\/\*!32312 IF NOT EXISTS\*\/ )?)( ?)`([^`]+)`(.*)$/s;

/**
 * A dump of `--databases` names its databases in lines of their own. This replaces the names, so that the dump goes into other
 * databases. Only lines of exactly that form, and only names in `names`, are touched: newlines in data are escaped.
 */
export async function* renamedDatabases(
  content: AsyncIterable<Uint8Array>,
  names: ReadonlyMap<string, string>,
): AsyncGenerator<Buffer> {
  let rest: Buffer = Buffer.alloc(0);
  /** Whether `rest` continues a long line whose beginning is gone already. */
  let isInside = false;
  for await (const part of content) {
    const bytes: Buffer = rest.length === 0 ? Buffer.from(part) : Buffer.concat([rest, part]);
    const out: Buffer[] = [];
    let from = 0;
    for (let end = bytes.indexOf(NEWLINE, from); end !== -1; end = bytes.indexOf(NEWLINE, from)) {
      const line = bytes.subarray(from, end + 1);
      out.push(isInside ? line : renamed(line, names));
      isInside = false;
      from = end + 1;
    }
    rest = bytes.subarray(from);
    if (isInside || rest.length > LONGEST_NAME_LINE) {
      out.push(rest);
      rest = Buffer.alloc(0);
      isInside = true;
    }
    if (out.length > 0) yield Buffer.concat(out);
  }
  if (rest.length > 0) yield isInside ? rest : renamed(rest, names);
}

function renamed(line: Buffer, names: ReadonlyMap<string, string>): Buffer {
  if (line.length > LONGEST_NAME_LINE || (line[0] !== 0x55 && line[0] !== 0x43)) return line;
  const [, statement, space, name, end] = STATEMENT.exec(line.toString('utf8')) ?? [];
  const other = name === undefined ? undefined : names.get(name);
  return other === undefined ? line : Buffer.from(`${statement}${space}\`${other}\`${end}`);
}
