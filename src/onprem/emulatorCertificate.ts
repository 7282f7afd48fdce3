import { createHash } from 'node:crypto';
import * as z from 'zod';

/**
 * The emulator's form of a verified-name certificate: base64 of JSON (a real certificate is opaque). It may carry the
 * hash of the registration code, from which the network knows which code to expect.
 */
const certificate = z.object({
  vname: z.string().min(1).max(256),
  number: z.string().optional(),
  codeHash: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .optional(),
  notAfter: z.iso.datetime().optional(),
});
export type Certificate = z.output<typeof certificate>;

export const codeHash = (code: string): string => createHash('sha256').update(code).digest('hex');

/** Undefined for text that is not a certificate. */
export function parseCertificate(base64: string): Certificate | undefined {
  try {
    const parsed = certificate.safeParse(JSON.parse(Buffer.from(base64, 'base64').toString('utf8')));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}

export const encodeCertificate = (content: Certificate): string =>
  Buffer.from(JSON.stringify(content)).toString('base64');
