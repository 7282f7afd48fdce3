/** The emulator refused a call of its control API. */
export class ControlError extends Error {
  readonly code = 'ControlRefused';
  /** Of the answer. */
  readonly status: number;
  /** Whether the same call may succeed a little later. */
  readonly retriable: boolean;

  constructor(status: number, message: string) {
    super(message);
    this.name = 'ControlError';
    this.status = status;
    this.retriable = status >= 500;
  }

  static async of(call: string, answer: Response): Promise<ControlError> {
    const text = await answer.text();
    const said = (json(text) as { error?: unknown } | undefined)?.error;
    return new ControlError(
      answer.status,
      `${call}: ${typeof said === 'string' ? said : `HTTP ${answer.status}`}`,
    );
  }
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
