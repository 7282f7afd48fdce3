import { describe, expect, it } from 'vitest';
import type { Template } from '../model.ts';
import { filledTemplate } from './templateText.ts';

const order: Template = {
  namespace: 'ns',
  name: 'order',
  language: 'en',
  status: 'approved',
  header: 'Order {{1}}',
  body: 'Dear {{1}}, it costs {{2}}. Bye, {{1}}!',
  footer: 'The shop',
  buttons: ['Track it', 'Website'],
};
const components = [
  { type: 'header', parameters: [{ type: 'text', text: '7' }] },
  {
    type: 'body',
    parameters: [
      { type: 'text', text: 'Ana' },
      { type: 'currency', currency: { fallback_value: '$9' } },
    ],
  },
  {
    type: 'button',
    sub_type: 'quick_reply',
    index: 0,
    parameters: [{ type: 'payload', payload: 'TRACK-7' }],
  },
  { type: 'button', sub_type: 'url', index: '1', parameters: [{ type: 'text', text: '7' }] },
];

describe('the text of a template', () => {
  it('is that of the reviewed template, with the variables of the message in it', () => {
    expect(filledTemplate({ name: 'order', language: { code: 'en' }, components }, [order])).toEqual({
      name: 'order',
      header: 'Order 7',
      body: 'Dear Ana, it costs $9. Bye, Ana!',
      footer: 'The shop',
      buttons: [
        { text: 'Track it', payload: 'TRACK-7', isReply: true },
        { text: 'Website', payload: null, isReply: false },
      ],
      isKnown: true,
    });
  });

  it('shows a variable that has no value, and buttons that the message does not mention', () => {
    const { body, buttons } = filledTemplate({ name: 'order', language: { code: 'en' } }, [order]);
    expect(body).toContain('Dear {{1}}');
    expect(buttons.map(({ text }) => text)).toEqual(['Track it', 'Website']);
  });

  it('is the variables alone where nobody told the words', () => {
    const filled = filledTemplate({ name: 'order', language: { code: 'de' }, components }, [order]);
    expect(filled).toMatchObject({ header: '7', body: 'Ana\n$9', isKnown: false });
    expect(filled.buttons[0]).toEqual({ text: 'TRACK-7', payload: 'TRACK-7', isReply: true });
    expect(
      filledTemplate({ element_name: 'old', localizable_params: [{ default: 'Ana' }] }, []),
    ).toMatchObject({ name: 'old', body: 'Ana', buttons: [] });
  });
});
