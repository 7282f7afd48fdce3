import { resolve } from 'node:path';
import { execa } from 'execa';
import { freePort } from '../../src/base/ports.ts';
import { EmulatorControl } from '../../src/control/emulatorControl.ts';

export const [NUMBER, ANA] = ['16315551000', '16505551234'];

/** What the emulator prints with `--json`; without TLS there is no CA. */
interface Announcement {
  readonly url: string;
  readonly controlUrl: string;
  readonly caFile?: string;
}

/** The bundle of layer build as a process, for programs in other processes. */
export class BuiltEmulator {
  readonly url: string;
  readonly controlUrl: string;
  readonly control: EmulatorControl;
  readonly #caFile: string | undefined;
  readonly #stop: () => Promise<unknown>;

  private constructor({ url, controlUrl, caFile }: Announcement, stop: () => Promise<unknown>) {
    this.url = url;
    this.controlUrl = controlUrl;
    this.control = new EmulatorControl({ url: controlUrl });
    this.#caFile = caFile;
    this.#stop = stop;
  }

  /**
   * @param args as a page names them; ports come on top
   * @throws what the emulator says if it does not start
   */
  static async start(...args: readonly string[]): Promise<BuiltEmulator> {
    const ports = ['--port', String(await freePort()), '--control-port', String(await freePort())];
    const program = execa(process.execPath, [resolve('dist/emulator.js'), ...args, ...ports, '--json'], {
      reject: false,
    });
    const stop = () => {
      program.kill();
      return program;
    };
    return new Promise((done, fail) => {
      program.stdout.once('data', (line) => done(new BuiltEmulator(JSON.parse(String(line)), stop)));
      void program.then(({ stderr }) => fail(new Error(stderr)));
    });
  }

  /** For a program that calls the emulator: without the proxy of this machine. */
  get environment(): Record<string, string | undefined> {
    return {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      EMULATOR_API: this.url,
      EMULATOR_CONTROL: `${this.controlUrl}/control/v1`,
      NODE_EXTRA_CA_CERTS: this.#caFile,
    };
  }

  /** What Ana and the business wrote each other. */
  async chat(): Promise<readonly { direction: string; type: string; content: unknown }[]> {
    const { messages } = await this.control.call('GET /numbers/{number}/chats/{waId}', {
      params: { number: NUMBER, waId: ANA },
    });
    return messages;
  }

  /** Once the process has ended. */
  async stop(): Promise<void> {
    await this.#stop();
  }
}
