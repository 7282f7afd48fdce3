import * as z from 'zod';
import { described, withRules } from './fields.ts';

/**
 * Cron schedules as CEL can check them: five fields, each a list of values, ranges and steps within its bounds. What no
 * regular expression finds, such as a range that ends before it begins, is found when the operator reads the schedule.
 */

/** By field: its values, its steps, and what else may stand for a value. */
const fields: readonly (readonly [value: string, step: string, alone?: string])[] = [
  ['[0-5]?[0-9]', '([1-9]|[1-5][0-9])'],
  ['([01]?[0-9]|2[0-3])', '([1-9]|1[0-9]|2[0-3])'],
  ['(0?[1-9]|[12][0-9]|3[01])', '([1-9]|[12][0-9]|3[01])', 'L'],
  [
    '(0?[1-9]|1[0-2]|[jJ][aA][nN]|[fF][eE][bB]|[mM][aA][rR]|[aA][pP][rR]|[mM][aA][yY]|[jJ][uU][nN]|[jJ][uU][lL]|[aA][uU][gG]|[sS][eE][pP]|[oO][cC][tT]|[nN][oO][vV]|[dD][eE][cC])',
    '([1-9]|1[0-2])',
  ],
  [
    '([0-7]|[sS][uU][nN]|[mM][oO][nN]|[tT][uU][eE]|[wW][eE][dD]|[tT][hH][uU]|[fF][rR][iI]|[sS][aA][tT])',
    '[1-7]',
  ],
];

/** A list of values, ranges and steps. */
const list = ([value, step, alone]: (typeof fields)[number]): string => {
  const part = `(\\*(/${step})?|${value}(-${value}(/${step})?)?${alone === undefined ? '' : `|${alone}`})`;
  return `${part}(,${part})*`;
};

/** A cron expression of five fields, in RE2 and JavaScript alike. */
export const CRON = `^${fields.map(list).join(' +')}$`;
const cron = new RegExp(CRON);

/** What is wrong with a schedule, for people. */
export const SCHEDULE_PROBLEM =
  'is not a cron expression of five fields: minute, hour, day, month, weekday; write one such as "0 3 * * *"';

/** A field that holds a schedule. */
export const schedule = (description: string) =>
  withRules(described(description, z.string().min(1).max(128)), [
    {
      cel: `self.matches(r'${CRON}')`,
      message: `a schedule ${SCHEDULE_PROBLEM}`.replace('a schedule is not', 'a schedule must be'),
      check: (text) => cron.test(text),
    },
  ]);
