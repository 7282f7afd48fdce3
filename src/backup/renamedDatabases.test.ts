import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { renamedDatabases } from './renamedDatabases.ts';

const NAMES = new Map([
  ['shop_waweb', 'other_waweb'],
  ['shop_configStore', 'other_configStore'],
]);
const LONG = `INSERT INTO \`a\` VALUES ('${'x'.repeat(2_000)} USE \`shop_waweb\`;');\n`;
const BEFORE = [
  'CREATE DATABASE /*!32312 IF NOT EXISTS*/ `shop_waweb` /*!40100 DEFAULT CHARACTER SET utf8mb4 */;\n',
  'USE `shop_waweb`;\n',
  LONG,
  "INSERT INTO `a` VALUES ('USE `shop_waweb`;');\n",
  'CREATE DATABASE `shop_configStore`;\n',
  'USE `stranger`;\n',
  'USE `shop_configStore`;',
].join('');
const AFTER = BEFORE.replace('`shop_waweb` /*', '`other_waweb` /*')
  .replace('\nUSE `shop_waweb`;\n', '\nUSE `other_waweb`;\n')
  .replaceAll('`shop_configStore`', '`other_configStore`');

async function* pieces(bytes: Buffer, size: number) {
  for (let from = 0; from < bytes.length; from += size) yield bytes.subarray(from, from + size);
}

describe('the databases of a dump', () => {
  it.each([1, 5, 399, 401, 100_000])(
    'get other names, in pieces of %i bytes, and data is left alone',
    async (size) => {
      expect(await text(renamedDatabases(pieces(Buffer.from(BEFORE), size), NAMES))).toBe(AFTER);
    },
  );
});
