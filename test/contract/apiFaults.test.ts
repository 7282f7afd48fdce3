import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Answered, apiCall } from '../support/apiCall.ts';
import { type ApiTarget, startApiTarget } from '../support/apiTarget.ts';
import type { TestDatabase } from '../support/emulatorStack.ts';
import { testDatabase } from '../support/testDatabase.ts';

const PASSWORD = 'Passw0rd!-test';

let database: TestDatabase;
let target: ApiTarget;
let token = '';
beforeAll(async () => {
  database = await testDatabase();
  target = await startApiTarget(database, 'fl_');
  const basic = `Basic ${Buffer.from('admin:secret').toString('base64')}`;
  const login = await call('POST', '/v1/users/login', { new_password: PASSWORD }, basic);
  token = login.json.users[0].token;
});
afterAll(async () => {
  await target?.close();
  await database?.close();
});

const call = (method: string, path: string, body?: object, authorization = `Bearer ${token}`) =>
  apiCall(target.address(), {
    method,
    path,
    headers: { authorization, 'content-type': 'application/json' },
    body: body && JSON.stringify(body),
  });
const set = async (...faults: object[]) =>
  expect((await target.simulate('PUT', '/api-faults', faults)).status).toBe(204);
const users = () => call('GET', '/v1/users/admin');
const create = (username: string) => call('POST', '/v1/users', { username, password: PASSWORD });
const outcome = (attempt: Promise<Answered>) =>
  attempt.then(
    ({ status }) => status,
    () => 'cut off',
  );

describe('an API fault set at the control port', () => {
  it('refuses matching calls with its code as often as set, while other calls are served', async () => {
    await set({ method: 'GET', path: '/v1/users/*', code: 1016, times: 2 });
    const refused = await users();
    expect(refused.status).toBe(503);
    expect(refused.json.errors).toEqual([
      { code: 1016, title: 'System overloaded', details: 'Set at the control port' },
    ]);
    expect(await outcome(create('bystander'))).toBe(201);
    expect(await outcome(users())).toBe(503);
    expect(await outcome(users())).toBe(200);
    const listed = (await (await target.simulate('GET', '/api-faults')).json()) as object;
    expect(listed).toMatchObject({
      faults: [{ path: '/v1/users/*', met: 2 }],
      webapps: [expect.any(String)],
    });
  });

  it('answers with the HTML page of a gateway', async () => {
    await set({ path: '*', status: 502 });
    const answer = await users();
    expect(answer.status).toBe(502);
    expect(answer.headers['content-type']).toContain('text/html');
    await set();
    expect(await outcome(users())).toBe(200);
  });

  it('cuts a call off before or after it takes effect', async () => {
    await set({ method: 'POST', path: '/v1/users', cut: 'before', times: 1 });
    expect(await outcome(create('before'))).toBe('cut off');
    expect(await outcome(call('GET', '/v1/users/before'))).toBe(404);
    await set({ method: 'POST', path: '/v1/users', cut: 'after', times: 1 });
    expect(await outcome(create('after'))).toBe('cut off');
    expect(await outcome(call('GET', '/v1/users/after'))).toBe(200);
  });

  it('delays a call without delaying the calls after it', async () => {
    await set({ method: 'GET', path: '/v1/users/admin', delayMs: 1_000, times: 1 });
    const order: string[] = [];
    await Promise.all([
      users().then(() => order.push('late')),
      call('GET', '/v1/users/bystander').then(() => order.push('at once')),
    ]);
    expect(order).toEqual(['at once', 'late']);
  });

  it('has no effect on other Webapps, or with a share of zero', async () => {
    await set(
      { path: '*', webapp: 'another-*', code: 1014 },
      { path: '*', share: 0, code: 1014 },
      { path: '/v1/media', code: 1014 },
    );
    expect(await outcome(users())).toBe(200);
  });

  it('is refused with an unknown code', async () => {
    const answer = await target.simulate('PUT', '/api-faults', [{ path: '/v1/messages', code: 4711 }]);
    expect(answer.status).toBe(400);
    expect(((await answer.json()) as { error: string }).error).toContain('1016');
  });
});
