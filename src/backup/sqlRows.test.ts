import { describe, expect, it } from 'vitest';
import { SqlRows } from './sqlRows.ts';

const DUMP = String.raw`-- MySQL dump
CREATE DATABASE /*!32312 IF NOT EXISTS*/ ${'`'}shop_a${'`'} /*!40100 DEFAULT CHARACTER SET utf8mb4 */;

USE ${'`'}shop_a${'`'};
DROP TABLE IF EXISTS ${'`'}plain${'`'};
CREATE TABLE ${'`'}plain${'`'} (
  ${'`'}id${'`'} int NOT NULL
);
INSERT INTO ${'`'}plain${'`'} VALUES (1),(2),(3);
INSERT INTO ${'`'}plain${'`'} VALUES
(4),
(5);
CREATE TABLE ${'`'}empty${'`'} (
CREATE TABLE ${'`'}odd ${'``'} näme${'`'} (
INSERT INTO ${'`'}odd ${'``'} näme${'`'} VALUES (1,'a (b), c;\n INSERT INTO','it\'s','\\',0x00ff2c29,NULL),(2,'','\\\'(',0xab,-1.5e3);
USE ${'`'}shop_b${'`'};
CREATE TABLE ${'`'}plain${'`'} (
INSERT INTO ${'`'}plain${'`'} (${'`'}id${'`'}, ${'`'}b${'`'}) VALUES (1,_binary 'x');
-- Dump completed on 2026-01-02
`;
const ROWS = { 'shop_a.plain': 5, 'shop_a.empty': 0, 'shop_a.odd ` näme': 2, 'shop_b.plain': 1 };

function counted(text: string, size: number): SqlRows {
  const bytes = Buffer.from(text);
  const rows = new SqlRows();
  for (let from = 0; from < bytes.length; from += size) rows.add(bytes.subarray(from, from + size));
  return rows;
}

describe('rows of a dump of MySQL', () => {
  it.each([1, 2, 3, 7, 50, 1000, 100_000])('are counted in pieces of %i bytes', (size) => {
    expect(counted(DUMP, size)).toMatchObject({ rows: ROWS, isComplete: true });
  });

  it('are those of a dump that was cut, which is not complete', () => {
    expect(counted(DUMP.slice(0, DUMP.indexOf('-- Dump completed')), 64).isComplete).toBe(false);
  });

  it('do not begin within long lines', () => {
    const long = `/* ${'x'.repeat(5_000)}INSERT INTO \`a\` VALUES (1); */\n`;
    expect(counted(`${long}USE \`d\`;\nINSERT INTO \`a\` VALUES (1);\n`, 999).rows).toEqual({ 'd.a': 1 });
  });
});
