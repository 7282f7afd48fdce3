import { describe, expect, it } from 'vitest';
import { VirtualClock } from '../../base/virtualClock.ts';
import { Callers } from './callers.ts';
import { issueToken } from './tokens.ts';

const KEY = 'k'.repeat(64);

describe('checked tokens', () => {
  it('are asked for again after a second, and are forgotten then', async () => {
    const clock = new VirtualClock();
    let asked = 0;
    const tokenOwner = async (): Promise<{ username: string; role: 'ROLE_USER'; mustChange: boolean }> => {
      asked += 1;
      return { username: 'agent', role: 'ROLE_USER', mustChange: false };
    };
    const callers = new Callers({ store: { tokenOwner } as never, jwtKey: KEY, apiKey: undefined, clock });
    const request = () => {
      const { token } = issueToken('agent', KEY, clock.now());
      const sent = new Request('https://x/', { headers: { authorization: `Bearer ${token}` } });
      return { request: sent, address: '203.0.113.1' };
    };
    const again = request();
    await callers.find(again, 'any');
    await callers.find(again, 'any');
    expect([asked, callers.remembered]).toEqual([1, 1]);
    for (let index = 0; index < 50; index++) await callers.find(request(), 'any');
    expect(callers.remembered).toBe(51);
    await clock.advance(1_001);
    await callers.find(request(), 'any');
    expect(callers.remembered).toBe(1);
  });
});
