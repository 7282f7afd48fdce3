import { afterEach, describe, expect, it } from 'vitest';
import { startCloudStack } from '../support/cloudStack.ts';
import { eventually } from '../support/eventually.ts';
import { GraphDouble, type GraphDoubleOptions } from '../support/graphDouble.ts';

const never = new AbortController().signal;
const ANA = '16505550001';

type Stack = Awaited<ReturnType<typeof startCloudStack>>;
const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function start(
  options: GraphDoubleOptions = {},
  variables: Record<string, string> = {},
): Promise<{ graph: GraphDouble; stack: Stack }> {
  const graph = await GraphDouble.start(options);
  closers.push(() => graph.close());
  const stack = await startCloudStack(graph, variables);
  closers.push(() => stack.close());
  await eventually(() => graph.subscription);
  return { graph, stack };
}
const send = ({ client, session }: Stack, message: object) =>
  client.messages.send(session, { to: ANA, ...message }, never);
const text = (body: string) => ({ type: 'text', text: { body } });
const statusesOf = (stack: Stack, id: string) =>
  stack
    .statuses()
    .filter((status) => status.id === id)
    .map(({ status }) => status);

interface Sent {
  readonly status: number;
  readonly contacts: unknown;
  readonly meta: unknown;
  readonly messages?: readonly { readonly id: string }[];
  readonly errors?: readonly { readonly code: number; readonly details: string }[];
}
async function post(stack: Stack, message: object): Promise<Sent & { readonly id: string }> {
  const { status, body } = await stack.call('POST', '/v1/messages', message);
  const sent = JSON.parse(body) as Sent;
  return { ...sent, status, id: sent.messages?.[0]?.id ?? '' };
}

describe('people of the Cloud API', () => {
  const BO = 'US.13491208655302741918';

  it('writes to a person by a business-scoped id, and tells the statuses by it', async () => {
    const { graph, stack } = await start();
    const { id, contacts, meta } = await post(stack, { recipient: BO, type: 'text', text: { body: 'Hi' } });
    expect(contacts).toEqual([{ input: BO, user_id: BO }]);
    expect(meta).toEqual({
      version: expect.any(String),
      backend: { name: 'cloud-api', version: 'v26.0' },
      api_status: 'stable',
    });
    await eventually(() => statusesOf(stack, id).length === 2);
    expect(graph.accepted[0]?.message).toMatchObject({ recipient: BO, type: 'text' });
    expect(graph.accepted[0]?.message).not.toHaveProperty('to');
    const told = stack.callbacks.filter(({ statuses = [] }) => statuses.length > 0);
    for (const { contacts: people, statuses = [] } of told) {
      expect(people?.[0]).toEqual({ user_id: BO });
      expect(statuses[0]).not.toHaveProperty('recipient_id');
    }
  });

  it('tells that a message by such an id failed', async () => {
    const { stack } = await start({ fate: () => ({ code: 131062 }) });
    const { id } = await post(stack, { recipient: BO, type: 'text', text: { body: 'Hi' } });
    await eventually(() => statusesOf(stack, id).length === 1);
    expect(stack.callbacks.find(({ statuses }) => statuses)).toMatchObject({
      contacts: [{ user_id: BO }],
      statuses: [{ id, status: 'failed', errors: [{ code: 1013 }] }],
    });
  });

  it('refuses a recipient that is no such id, and a message to nobody', async () => {
    const { stack } = await start();
    expect(await post(stack, { recipient: '16505551234', text: { body: 'Hi' } })).toMatchObject({
      status: 400,
      errors: [{ code: 1009 }],
    });
    expect(await post(stack, { text: { body: 'Hi' } })).toMatchObject({
      status: 400,
      errors: [{ code: 1008, details: 'to is required' }],
    });
  });

  it('leaves out the number of people who show none, until one webhook tells both', async () => {
    const { graph, stack } = await start();
    const hi = { type: 'text', text: { body: 'Hi' } };
    await graph.say(undefined, { ...hi, userId: BO });
    await graph.say(ANA, { ...hi, userId: BO });
    await graph.say(undefined, { ...hi, userId: BO });
    await eventually(() => stack.messages().length === 3);
    expect(stack.messages().map(({ from, from_bsuid }) => [from, from_bsuid])).toEqual([
      [undefined, BO],
      [ANA, BO],
      [ANA, BO],
    ]);
  });

  it('puts the id of a person without a number into from, if it is asked to', async () => {
    const { graph, stack } = await start({}, { WABA_CLOUD_IDENTITY: 'BsuidInFrom' });
    await graph.say(undefined, { type: 'text', text: { body: 'Hi' }, userId: BO });
    expect(await eventually(() => stack.messages()[0])).toMatchObject({ from: BO, from_bsuid: BO });
  });

  it('asks a person without a number for it once, and delivers what they write meanwhile', async () => {
    const { graph, stack } = await start({}, { WABA_CLOUD_IDENTITY: 'RequestContact' });
    for (const body of ['Hi', 'Still here'])
      await graph.say(undefined, { type: 'text', text: { body }, userId: BO });
    await eventually(() => graph.accepted.length > 0 && stack.messages().length === 2);
    await graph.settled();
    expect(graph.accepted.map(({ message }) => message)).toMatchObject([
      { recipient: BO, type: 'interactive', interactive: { type: 'contact_request' } },
    ]);
    // The stack did not send it.
    expect(stack.statuses()).toEqual([]);
    await graph.say(ANA, { type: 'text', text: { body: 'My number' }, userId: BO });
    expect(await eventually(() => stack.messages()[2])).toMatchObject({ from: ANA, from_bsuid: BO });
  });

  it('remembers a person who has another id or another number, and tells of both', async () => {
    const { graph, stack } = await start();
    await stack.client.settings.patchApplication(stack.session, { notify_user_change_number: true }, never);
    const hi = { type: 'text', text: { body: 'Hi' } };
    await graph.say(ANA, { ...hi, userId: BO });
    await graph.say(undefined, {
      type: 'system',
      system: { type: 'user_changed_user_id', user_id: 'US.new', body: 'x' },
      userId: BO,
    });
    await graph.say(undefined, { ...hi, userId: 'US.new' });
    await graph.say(ANA, {
      type: 'system',
      system: { type: 'user_changed_number', wa_id: '16505559999', body: 'x' },
      userId: 'US.new',
    });
    await graph.say(undefined, { ...hi, userId: 'US.new' });
    await eventually(() => stack.messages().length === 5);
    expect(stack.messages().map(({ from, system }) => [from, (system as { type?: string })?.type])).toEqual([
      [ANA, undefined],
      [ANA, 'user_changed_user_id'],
      [ANA, undefined],
      [ANA, 'user_changed_number'],
      ['16505559999', undefined],
    ]);
    expect(stack.messages()[1]).toMatchObject({ from_bsuid: BO, system: { user_id: 'US.new' } });
    expect(stack.messages()[3]).toMatchObject({ system: { new_wa_id: '16505559999' } });
  });

  it('tells that a message is on its way, if it is asked to', async () => {
    const { stack } = await start();
    const webhooks = { message: { sending: true, sent: true } };
    await stack.client.settings.patchApplication(stack.session, { webhooks }, never);
    const id = await send(stack, text('Hi'));
    await eventually(() => statusesOf(stack, id).length === 3);
    expect(statusesOf(stack, id).sort()).toEqual(['delivered', 'sending', 'sent']);
  });
});
