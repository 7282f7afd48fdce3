/** Prints the names and figures of one run, with the version of Node.js. */
export function printTable(rows: readonly (readonly [string, string])[]): void {
  const width = Math.max(...rows.map(([name]) => name.length));
  const lines = rows.map(([name, value]) => `${name.padEnd(width)}  ${value}`);
  process.stdout.write(`\nNode ${process.version}\n\n${lines.join('\n')}\n`);
}
