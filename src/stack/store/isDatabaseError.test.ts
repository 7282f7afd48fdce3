import { describe, expect, it } from 'vitest';
import { isDatabaseError } from './isDatabaseError.ts';

describe('an error of the database', () => {
  it.each([
    ['PostgreSQL refuses', { code: '53300' }, true],
    ['MariaDB refuses', { code: 'ER_CON_COUNT_ERROR', errno: 1040, sqlState: '08004' }, true],
    ['MariaDB goes away', { code: 'PROTOCOL_CONNECTION_LOST' }, true],
    ['nothing listens', { code: 'ECONNREFUSED' }, true],
    ['nobody answers', { code: 'ETIMEDOUT' }, true],
    ['a file is missing', { code: 'ENOENT' }, false],
    ['the disk may not be written', { code: 'EROFS' }, false],
    ['the code is wrong', new TypeError('x is not a function'), false],
    ['nothing is known', undefined, false],
  ])('%s: %j %s', (_, error, expected) => {
    expect(isDatabaseError(error)).toBe(expected);
  });
});
