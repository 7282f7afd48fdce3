import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { TOKEN_LIFETIME_SECONDS } from '../../onprem/users.ts';

/** The header of real tokens, with its spaces; a JWT library would write it without them. */
const HEADER = Buffer.from('{"alg": "HS256", "typ": "JWT"}').toString('base64url');

const sign = (content: string, key: string): string =>
  createHmac('sha256', key).update(content).digest('base64url');

/** A bearer token. The database must know it too: logout and user deletion revoke tokens there. */
export function issueToken(
  username: string,
  key: string,
  nowMs: number,
): { token: string; expiresAt: number } {
  const iat = Math.floor(nowMs / 1000);
  const expiresAt = iat + TOKEN_LIFETIME_SECONDS;
  const claims = { user: username, iat, exp: expiresAt, 'wa:rand': randomBytes(16).toString('hex') };
  const content = `${HEADER}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}`;
  return { token: `${content}.${sign(content, key)}`, expiresAt };
}

/** Whether a token has our signature. */
export function isOurToken(token: string, key: string): boolean {
  const dot = token.lastIndexOf('.');
  const [expected, given] = [Buffer.from(sign(token.slice(0, dot), key)), Buffer.from(token.slice(dot + 1))];
  return dot > 0 && expected.length === given.length && timingSafeEqual(expected, given);
}
