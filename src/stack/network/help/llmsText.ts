import { controlCalls } from '../control/controlApi.ts';
import { errorCodes, errorHelp } from './errorPage.ts';

/** What a program that writes programs has to know, in the form of llmstxt.org. */
export function llmsText(): string {
  const calls = controlCalls().map((call) => `- ${call}`);
  const errors = errorCodes().map((code) => {
    const help = errorHelp(code);
    return `- [${code} ${help?.title}](/errors/${code}): ${help?.cause}`;
  });
  return `# waba-emulator

> An emulator of the WhatsApp Business On-Premises API (/v1) with simulated customers. This port serves a page for people at
> / and the control API for tests below /control/v1.

The API itself is on another port (9090 unless told), by HTTPS with the CA of /ca.pem. Log in with POST /v1/users/login and
Basic credentials (admin, Emulator-1 unless told), then send the token as a bearer. Free texts reach a person only within 24
hours after they wrote; POST /control/v1/numbers/{number}/messages lets them write.

## Documents

- [OpenAPI](/openapi.json): the emulated API and the control API, with all shapes
- [Errors](/errors): cause, cure, and how to make each error happen

## Control API

${calls.join('\n')}

## Errors

${errors.join('\n')}
`;
}
