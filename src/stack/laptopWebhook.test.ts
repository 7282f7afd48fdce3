import { describe, expect, it } from 'vitest';
import { isPrivatePlainUrl } from '../base/privatePlainUrl.ts';
import { laptopWebhook } from './laptopWebhook.ts';

describe('the webhook of a laptop', () => {
  it.each([
    'https://shop.example/hook',
    'https://127.0.0.1:8443',
    'http://localhost:3000/hook',
    'http://127.0.0.1:3000',
    'http://[::1]:3000/x',
    'http://app:3000/hook',
    'http://host.docker.internal:3000',
    'http://my-mac.local/hook',
    'http://192.168.1.20/hook',
    'http://172.20.0.3/hook',
  ])('may be %s', (url) => {
    expect(laptopWebhook(url)).toBe(url);
  });

  it.each([
    ['notaurl', 'is no URL'],
    ['', 'is no URL'],
    ['https://', 'is no URL'],
    ['http://shop.example/hook', 'write https:// for shop.example'],
    ['http://8.8.8.8/hook', 'plain HTTP'],
    ['ftp://localhost/x', 'begins with'],
    ['localhost:3000', 'begins with'],
  ])('is not %j', (url, message) => {
    expect(() => laptopWebhook(url)).toThrow(message);
    expect(isPrivatePlainUrl(url)).toBe(false);
  });
});
