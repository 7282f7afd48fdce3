import { describe, expect, it } from 'vitest';
import { INBOUND_MEDIA, INBOUND_OTHERS, reported } from './inboundType.ts';

const message = (type: string, more: object = {}) => ({
  from: '1',
  id: 'x',
  timestamp: '1',
  type,
  [type]: { some: 'content' },
  ...more,
});
const errors = [
  { code: 501, title: 'Unknown message type', details: 'Message type is not currently supported' },
];

describe('a message of a person', () => {
  it.each(['unknown', 'poll', 'ephemeral'])('of type %s is reported as unknown, without content', (type) => {
    const context = { from: '2', id: 'y' };
    expect(reported(message(type, { context }))).toEqual({
      from: '1',
      id: 'x',
      timestamp: '1',
      type: 'unknown',
      context,
      errors,
    });
  });

  it.each([...INBOUND_MEDIA, ...INBOUND_OTHERS])('of type %s is reported as it is', (type) => {
    expect(reported(message(type))).toEqual(message(type));
  });
});
