import { describe, expect, it } from 'vitest';
import { databaseCause, plain } from './databaseCause.ts';

const ours = (error: string) => JSON.stringify({ level: 'warn', message: 'waiting for the database', error });

describe('what a client of the database prints', () => {
  it.each([
    [ours('getaddrinfo ENOTFOUND db.example.org'), 'DatabaseHostUnknown'],
    ['could not translate host name "db" to address: Name or service not known', 'DatabaseHostUnknown'],
    ["ERROR 2005 (HY000): Unknown MySQL server host 'db' (-2)", 'DatabaseHostUnknown'],
    [ours('connect ECONNREFUSED 10.0.0.1:5432'), 'DatabaseConnectionRefused'],
    ["Can't connect to MySQL server on '10.0.0.1:3306' (111)", 'DatabaseConnectionRefused'],
    [ours('self-signed certificate in certificate chain'), 'DatabaseTlsFailed'],
    [ours('The server does not support SSL connections'), 'DatabaseTlsFailed'],
    ['FATAL: no pg_hba.conf entry for host "10.0.0.9", user "waba", no encryption', 'DatabaseTlsFailed'],
    [ours('password authentication failed for user "waba"'), 'DatabaseLoginRefused'],
    ["Access denied for user 'waba'@'10.0.0.9' (using password: YES)", 'DatabaseLoginRefused'],
    [ours('permission denied to create database'), 'DatabaseRightsMissing'],
    ["Access denied for user 'waba'@'%' to database 'waweb'", 'DatabaseRightsMissing'],
    [ours('timeout expired'), 'DatabaseNoAnswer'],
    [ours('sorry, too many clients already'), 'DatabaseConnectionsFew'],
    ['ERROR 1040 (HY000): Too many connections', 'DatabaseConnectionsFew'],
    ['{"verdict":"DatabaseOtherEngine","message":"a MySQL server listens"}', 'DatabaseOtherEngine'],
  ])('%s', (line, reason) => {
    expect(databaseCause([line])?.reason).toBe(reason);
  });

  it('is found before a stack trace, but not before a line of ours that says it went on', () => {
    const trace = [
      'password authentication failed',
      '    at connect (driver.js:12)',
      '    at run (main.js:1)',
    ];
    expect(databaseCause(trace)).toEqual({
      reason: 'DatabaseLoginRefused',
      line: 'password authentication failed',
    });
    const recovered = [
      ours('connect ECONNREFUSED 10.0.0.1:5432'),
      '{"level":"info","message":"database created"}',
    ];
    expect(databaseCause(recovered)).toBeUndefined();
    expect(databaseCause([])).toBeUndefined();
  });

  it('is read without the JSON around it', () => {
    expect(plain(ours('timeout expired'))).toBe('waiting for the database: timeout expired');
    expect(plain('{ not JSON')).toBe('{ not JSON');
  });
});
