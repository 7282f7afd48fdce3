import { describe, expect, it } from 'vitest';
import { isDatabaseError, isDataError } from './isDatabaseError.ts';

describe('an error of the database', () => {
  it.each([
    ['PostgreSQL refuses', { code: '53300' }, true],
    ['MariaDB refuses', { code: 'ER_CON_COUNT_ERROR', errno: 1040, sqlState: '08004' }, true],
    ['MariaDB goes away', { code: 'PROTOCOL_CONNECTION_LOST' }, true],
    ['nothing listens', { code: 'ECONNREFUSED' }, true],
    ['nobody answers', { code: 'ETIMEDOUT' }, true],
    ['PostgreSQL goes away', new Error('Connection terminated unexpectedly'), true],
    ['nobody answers a new connection', new Error('timeout expired'), true],
    ['all connections stay in use', new Error('timeout exceeded when trying to connect'), true],
    ['a file is missing', { code: 'ENOENT' }, false],
    ['the disk may not be written', { code: 'EROFS' }, false],
    ['the code is wrong', new TypeError('x is not a function'), false],
    ['nothing is known', undefined, false],
  ])('%s: %j %s', (_, error, expected) => {
    expect(isDatabaseError(error)).toBe(expected);
  });

  it('is told apart from a value that no database could hold', () => {
    expect(isDataError({ code: '22021' })).toBe(true);
    expect(isDataError({ code: 'ER_DATA_TOO_LONG', errno: 1406, sqlState: '22001' })).toBe(true);
    for (const other of [{ code: '53300' }, { code: 'ECONNREFUSED' }, new TypeError('x'), undefined])
      expect(isDataError(other)).toBe(false);
  });
});
