import { createHash, randomBytes } from 'node:crypto';
import { createAuthority, issueCertificate, type KeyPair } from '../../base/pki/certificates.ts';
import { DEFAULT_ADMIN, isUsername, type Role } from '../../onprem/users.ts';
import { hashPassword, isPassword } from './passwords.ts';

export interface User {
  readonly username: string;
  readonly role: Role;
  /** The user still has the default password. */
  readonly mustChange: boolean;
}

export interface StoredUser extends User {
  readonly passwordHash: string;
}

export interface WebCertificate {
  readonly server: KeyPair;
  readonly caPem: string;
}

/** Name of the uploaded certificate. As with the real product, dropping the table brings the generated one back. */
const EXTERNAL = 'external';

/** Users, tokens and certificates, shared by all Webapps. */
export abstract class WebStore {
  protected abstract storedUser(username: string): Promise<StoredUser | undefined>;
  /** @returns whether the name was free */
  protected abstract addUser(user: StoredUser): Promise<boolean>;
  protected abstract changePassword(username: string, passwordHash: string): Promise<void>;
  /** Deletes a user with all tokens. @returns whether the user existed */
  abstract deleteUser(username: string): Promise<boolean>;
  abstract storeToken(token: string, username: string, expiresAtMs: number): Promise<void>;
  /** The user of a valid token. */
  abstract tokenOwner(token: string): Promise<User | undefined>;
  abstract removeToken(token: string): Promise<void>;
  protected abstract kept(name: string): Promise<string | undefined>;
  /** A text that is there already stays. */
  protected abstract keep(name: string, text: string): Promise<void>;
  protected abstract replace(name: string, text: string): Promise<void>;
  /** Of the CA that the stack makes for itself. */
  protected readonly keys: 'EC' | 'RSA' = 'RSA';

  /** A new installation has the user admin with a known password. */
  async ensureAdmin(): Promise<void> {
    const { username, password } = DEFAULT_ADMIN;
    if (await this.storedUser(username)) return;
    const passwordHash = await hashPassword(password);
    await this.addUser({ username, passwordHash, role: 'ROLE_ADMIN', mustChange: true });
  }

  /** The user with this name and password. It takes as long for a name that nobody has. @throws CodedError `Busy` */
  async checkPassword(username: string, password: string): Promise<User | undefined> {
    const stored = isUsername(username) ? await this.storedUser(username) : undefined;
    const isRight = await isPassword(password, stored?.passwordHash);
    return stored && isRight ? withoutHash(stored) : undefined;
  }

  async user(username: string): Promise<User | undefined> {
    const stored = await this.storedUser(username);
    return stored && withoutHash(stored);
  }

  /** @returns whether the name was free */
  async createUser(username: string, password: string): Promise<boolean> {
    const passwordHash = await hashPassword(password);
    return this.addUser({ username, passwordHash, role: 'ROLE_USER', mustChange: false });
  }

  async setPassword(username: string, password: string): Promise<void> {
    await this.changePassword(username, await hashPassword(password));
  }

  /** A value that all Webapps share: that of the first Webapp to store it. */
  async #shared(name: string, make: () => Promise<string>): Promise<string> {
    const known = await this.kept(name);
    if (known !== undefined) return known;
    await this.keep(name, await make());
    return (await this.kept(name)) ?? '';
  }

  /** The generated certificate, made at the first start and then shared. Source: docs/onprem/api-admin.md §1.1. */
  async certificate(serverNames: readonly string[]): Promise<WebCertificate> {
    const name = `generated:${createHash('sha256').update(serverNames.join()).digest('hex').slice(0, 20)}`;
    const authority = JSON.parse(
      await this.#shared('generated-ca', async () =>
        JSON.stringify(
          await createAuthority({
            subject: 'C=US, ST=CA, L=Menlo Park, O=WhatsApp Inc., OU=Enterprise Client - AutoGen CA',
            algorithm: this.keys,
            validDays: 365,
          }),
        ),
      ),
    ) as KeyPair;
    const server = JSON.parse(
      await this.#shared(name, async () =>
        JSON.stringify(
          await issueCertificate(authority, {
            commonName: serverNames[0] ?? 'localhost',
            hosts: serverNames,
            usage: 'server',
            validDays: 365,
          }),
        ),
      ),
    ) as KeyPair;
    return { server, caPem: authority.certificatePem };
  }

  /** The uploaded key and chain; undefined if the generated certificate is in use. */
  externalCertificate(): Promise<string | undefined> {
    return this.kept(EXTERNAL);
  }

  setExternalCertificate(pem: string): Promise<void> {
    return this.replace(EXTERNAL, pem);
  }

  /** The signing key of tokens, if none is configured. */
  jwtKey(): Promise<string> {
    return this.#shared('jwt-key', async () => randomBytes(48).toString('base64url'));
  }
}

/** By what a store finds a token that it does not keep. */
export const tokenHash = (token: string): string => createHash('sha256').update(token).digest('hex');

const withoutHash = ({ username, role, mustChange }: StoredUser): User => ({ username, role, mustChange });
