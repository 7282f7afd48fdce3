import { describe, expect, it } from 'vitest';
import { refusalCode, remedyOf, statusError } from './graphErrors.ts';

describe('an error of the Cloud API', () => {
  it.each([
    [131052, 400],
    [131042, 402],
    [134011, 402],
    [130429, 429],
    [131045, 430],
    [131047, 470],
    [131048, 471],
    [131064, 471],
    [130472, 472],
    [137000, 480],
    [131000, 500],
    [131051, 501],
    [190, 1005],
    [200, 1005],
    [299, 1005],
    [131008, 1008],
    [131009, 1009],
    [131026, 1013],
    [131049, 1013],
    [131062, 1013],
    [131021, 1021],
    [131031, 1031],
    [130497, 1031],
    [132000, 2000],
    [132001, 2001],
    [134101, 2001],
    [132005, 2005],
    [132012, 2012],
    [132018, 2012],
    [132015, 2061],
    [132016, 2062],
    [132068, 2068],
    [999999, 500],
  ])('%i is the callback error %i', (code, expected) => {
    expect(statusError({ code, title: 'Why' })).toMatchObject({
      code: expected,
      title: expect.stringMatching(/\S/),
      details: `Cloud API ${code}: Why`,
    });
  });

  it('keeps its own words in the details, each once', () => {
    const error = {
      code: 131026,
      title: 'Undeliverable',
      message: 'Undeliverable',
      error_data: { details: 'No phone' },
    };
    expect(statusError(error)).toEqual({
      code: 1013,
      title: 'User is not valid',
      details: 'Cloud API 131026: Undeliverable: No phone',
    });
  });

  it.each([
    [{ code: 100, error_subcode: 33 }, 1006],
    [{ code: 100 }, 1009],
    [{ code: 190 }, 1005],
    [{ code: 130429 }, 1015],
    [{ code: 131047 }, 1000],
    [{ code: 424242 }, 1000],
  ])('%j refuses a call with %i', (error, code) => {
    expect(refusalCode(error)).toBe(code);
  });

  it.each([
    [4, 'number'],
    [80007, 'number'],
    [130429, 'number'],
    [131048, 'spam'],
    [131056, 'pair'],
    [131053, 'transient'],
    [131016, 'transient'],
    [131057, 'transient'],
    [190, 'token'],
    [133010, 'unregistered'],
    [131026, 'never'],
    [131000, 'never'],
    [424242, 'never'],
  ])('%i is met by: %s', (code, remedy) => {
    expect(remedyOf({ code })).toBe(remedy);
  });
});
