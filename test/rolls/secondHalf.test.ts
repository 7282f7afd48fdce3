import { testRolls } from '../support/rollSuite.ts';

testRolls(1);
