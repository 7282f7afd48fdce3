import { html, script, style } from 'page:bundle';
import type { Context, Hono } from 'hono';

/** The page loads from its own port alone, and runs no script or style that stands in its text. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data: blob:",
  "media-src 'self' blob:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');
const HEADERS = {
  'content-security-policy': POLICY,
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  // A newer emulator on the same port has a newer page.
  'cache-control': 'no-cache',
};

/** Serves the page at `/` to browsers; `otherwise` answers everybody else. */
export function servePage(app: Hono, otherwise: (context: Context) => Response): void {
  const file = (type: string, text: string) => (context: Context) =>
    context.body(text, 200, { ...HEADERS, 'content-type': `${type}; charset=utf-8` });
  const page = file('text/html', html);
  app.get('/', (context) =>
    context.req.header('accept')?.includes('text/html') ? page(context) : otherwise(context),
  );
  app.get('/page.js', file('text/javascript', script));
  app.get('/page.css', file('text/css', style));
}
