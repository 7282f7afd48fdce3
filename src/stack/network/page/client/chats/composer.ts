import type { ChatMessage } from '../../../chats.ts';
import { summary } from '../content/summary.ts';
import type { Model } from '../model.ts';
import { iconButton } from '../shell/controls.ts';
import { byId, element } from '../shell/element.ts';
import { icon } from '../shell/icon.ts';
import { openMenu } from '../shell/menu.ts';
import { guarded } from '../shell/notices.ts';
import { askCustomMessage } from './customMessage.ts';
import { fileMessage, voiceMessage } from './fileMessage.ts';
import { startRecording } from './recorder.ts';
import { SAMPLES } from './samples.ts';

/** Where a person writes: text, files, samples of every type, recordings, and answers to a message. */
export class Composer {
  readonly #model: Model;
  readonly #onSent: () => unknown;
  readonly #form = byId('compose', HTMLFormElement);
  readonly #text = byId('text', HTMLTextAreaElement);
  readonly #file = byId('file', HTMLInputElement);
  readonly #record = byId('record', HTMLButtonElement);
  #waId = '';
  #replyTo: ChatMessage | undefined;
  #endRecording: (() => Promise<Blob>) | undefined;

  /** `onSent`: the message is on its way. */
  constructor(model: Model, onSent: () => unknown) {
    this.#model = model;
    this.#onSent = onSent;
    this.#form.addEventListener(
      'submit',
      guarded((event) => {
        event.preventDefault();
        return this.#sendText();
      }),
    );
    this.#text.addEventListener('keydown', (event) => this.#onKey(event));
    this.#text.addEventListener('input', () => this.#fit());
    this.#file.addEventListener(
      'change',
      guarded(() => this.#sendFiles()),
    );
    this.#record.addEventListener(
      'click',
      guarded(() => this.#toggleRecording()),
    );
    const attach = byId('attach', HTMLButtonElement);
    attach.addEventListener('click', () => this.#openAttachments(attach));
  }

  /** Writes as somebody else. */
  show(waId: string): void {
    if (waId === this.#waId) return;
    this.#waId = waId;
    this.replyTo(undefined);
    this.#text.value = '';
    this.#fit();
  }

  focus(): void {
    this.#text.focus();
  }

  replyTo(message: ChatMessage | undefined): void {
    this.#replyTo = message;
    const bar = byId('reply-to', HTMLElement);
    bar.hidden = !message;
    bar.replaceChildren(...(message ? this.#quotedIn(message) : []));
    if (message) this.focus();
  }

  #quotedIn(message: ChatMessage): HTMLElement[] {
    const author = message.direction === 'in' ? this.#model.nameOf(this.#waId) : 'The business';
    return [
      element(
        'div',
        { className: `quoted ${message.direction === 'in' ? 'person' : 'business'}` },
        element('strong', { textContent: author }),
        element('span', { textContent: summary(message, this.#model.templates) }),
      ),
      iconButton('close', 'Do not reply', () => this.replyTo(undefined)),
    ];
  }

  async #send(message: Readonly<Record<string, unknown>>): Promise<void> {
    const to = this.#replyTo;
    const context = to ? { context: { from: this.#model.number, id: to.id } } : {};
    await this.#model.write(this.#waId, { ...context, ...message });
    this.replyTo(undefined);
    this.#onSent();
  }

  async #sendText(): Promise<void> {
    const text = this.#text.value;
    if (text.trim() === '') return;
    // Empty before the answer comes: what is typed meanwhile is another message.
    this.#text.value = '';
    this.#fit();
    await this.#send({ text }).catch((error: unknown) => {
      this.#text.value ||= text;
      throw error;
    });
    this.focus();
  }

  async #sendFiles(): Promise<void> {
    const caption = this.#text.value;
    const files = [...(this.#file.files ?? [])];
    this.#file.value = '';
    for (const file of files) await this.#send(await fileMessage(file, caption));
    this.#text.value = '';
    this.#fit();
  }

  async #toggleRecording(): Promise<void> {
    const end = this.#endRecording;
    if (!end) this.#endRecording = await startRecording();
    else {
      this.#endRecording = undefined;
      await this.#send(await voiceMessage(await end()));
    }
    const label = this.#endRecording ? 'Stop and send' : 'Record voice message';
    this.#record.ariaLabel = this.#record.title = label;
    this.#record.replaceChildren(icon(this.#endRecording ? 'send' : 'voice'));
    this.#record.classList.toggle('recording', this.#endRecording !== undefined);
  }

  #openAttachments(attach: HTMLElement): void {
    const send = guarded((message: Readonly<Record<string, unknown>>) => this.#send(message));
    openMenu(
      attach,
      'Send something else',
      [{ label: 'File from this computer…', icon: 'attach', onSelect: () => this.#file.click() }],
      SAMPLES.map(({ message, ...item }) => ({ ...item, onSelect: () => send(message) })),
      [
        {
          label: 'Any message…',
          icon: 'code',
          onSelect: () => askCustomMessage((message) => this.#send(message)),
        },
      ],
    );
  }

  #onKey(event: KeyboardEvent): void {
    if (event.key === 'Escape') this.replyTo(undefined);
    // Enter that ends the input of a Japanese word is not meant for us.
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    this.#form.requestSubmit();
  }

  /** As high as the text. */
  #fit(): void {
    this.#text.style.height = 'auto';
    this.#text.style.height = `${this.#text.scrollHeight}px`;
    this.#form.classList.toggle('has-text', this.#text.value.trim() !== '');
  }
}
