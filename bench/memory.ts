import { CUSTOMER, NUMBER, startBenchStack } from './benchStack.ts';
import { pacedLoad } from './pacedLoad.ts';
import { printTable } from './printTable.ts';
import { residentBytes } from './processCpu.ts';

// Memory of each process under a long load: `RATE=250 SECONDS=3600`, or as fast as the stack accepts messages with
// `RATE=0 MESSAGES=1000000`. It prints ten figures.
const rate = Number(process.env.RATE ?? 250);
const messages = Number(process.env.MESSAGES ?? rate * Number(process.env.SECONDS ?? 3600));
const ROLES = ['webapp-0', 'coreapp-0', 'network'];
const STEPS = 10;
const PEOPLE = 500;

const stack = await startBenchStack(['coreapp-0'], { isSingle: true, rateLimits: false });
try {
  const { processes, address, session } = stack;
  const people = Array.from({ length: PEOPLE }, (_, index) => `1650556${String(index).padStart(4, '0')}`);
  for (const from of people)
    await processes.simulate('POST', `/numbers/${NUMBER}/messages`, { from, text: 'Hi' });
  const rows: [string, string][] = [];
  const startedAt = performance.now();
  const figures = (sent: number) => {
    const seconds = Math.round((performance.now() - startedAt) / 1000);
    const sizes = ROLES.map(
      (role) => `${role} ${(residentBytes(processes.pid(role)) / 1024 / 1024).toFixed(0)} MB`,
    );
    const row: [string, string] = [`${sent} messages, ${seconds} s`, sizes.join(', ')];
    process.stderr.write(`${row.join('  ')}\n`);
    rows.push(row);
  };
  figures(0);
  for (let step = 1; step <= STEPS; step++) {
    await pacedLoad({
      address,
      token: session.token,
      perSecond: rate,
      messages: Math.round(messages / STEPS),
      recipient: (index) => people[index % people.length] ?? CUSTOMER,
    });
    figures(Math.round((messages / STEPS) * step));
  }
  printTable(rows);
} finally {
  await stack.close();
}
