import { testRolls } from '../support/rollSuite.ts';

testRolls(0);
