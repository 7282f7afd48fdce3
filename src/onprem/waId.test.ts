import { describe, expect, it } from 'vitest';
import { waIdByRule } from './waId.ts';

describe('the WhatsApp id of a number', () => {
  it.each([
    ['Brazil', '5511987654321', '551187654321'],
    ['Brazil without the ninth digit', '551187654321', '551187654321'],
    ['Brazil, a landline', '551132654321', '551132654321'],
    ['Mexico', '525512345678', '5215512345678'],
    ['Mexico as a WhatsApp id', '5215512345678', '5215512345678'],
    ['Argentina', '541112345678', '5491112345678'],
    ['Argentina as a WhatsApp id', '5491112345678', '5491112345678'],
    ['the United States', '16505551234', '16505551234'],
    ['Germany', '4915112345678', '4915112345678'],
  ])('of %s follows its rule', (_, dialled, waId) => {
    expect(waIdByRule(dialled)).toBe(waId);
    expect(waIdByRule(waId)).toBe(waId);
  });
});
