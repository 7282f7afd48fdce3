import { type Answer, call } from './shell/call.ts';

type BusinessNumber = Answer<'GET /numbers'>['numbers'][number];
export type Person = Answer<'GET /people'>['people'][number];
export type Template = Answer<'GET /numbers/{number}/templates'>['templates'][number];
export type ChatHead = Answer<'GET /numbers/{number}/chats'>['chats'][number];

/** What all views show: the business number that was chosen, and the people who may write to it. */
export class Model {
  numbers: readonly BusinessNumber[] = [];
  /** The one that was chosen; empty until one is registered. */
  number = '';
  people: ReadonlyMap<string, Person> = new Map();
  chats: readonly ChatHead[] = [];
  templates: readonly Template[] = [];
  /** By how much the time of the simulation is ahead of this machine. */
  movedMs = 0;

  /** The time of the simulation, epoch ms. */
  now(): number {
    return Date.now() + this.movedMs;
  }

  get registered(): readonly BusinessNumber[] {
    return this.numbers.filter(({ registered }) => registered);
  }

  async load(): Promise<void> {
    this.numbers = (await call('GET /numbers')).numbers;
    if (!this.registered.some(({ number }) => number === this.number))
      this.number = this.registered[0]?.number ?? '';
    const [{ people }, { movedMs }, { chats }, { templates }] = await Promise.all([
      call('GET /people'),
      call('GET /clock'),
      this.number ? call('GET /numbers/{number}/chats', { params: this.ofNumber }) : { chats: [] },
      this.number ? call('GET /numbers/{number}/templates', { params: this.ofNumber }) : { templates: [] },
    ]);
    this.people = new Map(people.map((person) => [person.waId, person]));
    this.movedMs = movedMs;
    this.chats = chats;
    this.templates = templates;
  }

  nameOf(waId: string): string {
    return this.people.get(waId)?.profileName ?? `+${waId}`;
  }

  /** Calls of the chosen number have it in their path. */
  get ofNumber(): { readonly number: string } {
    return { number: this.number };
  }

  /** A person writes to the business. */
  write(from: string, message: Readonly<Record<string, unknown>>): Promise<{ id: string }> {
    return call('POST /numbers/{number}/messages', { params: this.ofNumber, body: { from, ...message } });
  }
}
