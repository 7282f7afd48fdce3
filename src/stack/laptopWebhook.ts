import { CodedError } from '../base/codedError.ts';
import { isPrivatePlainUrl } from '../base/privatePlainUrl.ts';

/** The URL of a webhook on a laptop. @throws CodedError `BadWebhook` with what to write instead */
export function laptopWebhook(text: string): string {
  if (!URL.canParse(text))
    throw new CodedError(
      'BadWebhook',
      `--webhook ${text} is no URL: write https://host/path, or http://localhost:3000/path`,
    );
  const { protocol, hostname } = new URL(text);
  if ((protocol === 'https:' && hostname !== '') || isPrivatePlainUrl(text)) return text;
  if (protocol !== 'http:')
    throw new CodedError('BadWebhook', `--webhook ${text}: a webhook begins with https:// or http://`);
  throw new CodedError(
    'BadWebhook',
    `--webhook ${text}: plain HTTP reaches only this machine and private networks; write https:// for ${hostname}`,
  );
}
