import { afterEach, describe, expect, it } from 'vitest';
import { startCloudStack } from '../support/cloudStack.ts';
import { eventually } from '../support/eventually.ts';
import { SimulatedGraph } from '../support/simulatedGraph.ts';

const never = new AbortController().signal;
const ANA = '16505550001';
const BO = 'US.13491208655302741918';

type Stack = Awaited<ReturnType<typeof startCloudStack>>;
const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function start(
  variables: Record<string, string> = {},
): Promise<{ graph: SimulatedGraph; stack: Stack }> {
  const graph = await SimulatedGraph.start();
  closers.push(() => graph.close());
  await graph.openWindows(ANA);
  await graph.network.people.setId(ANA, { userId: BO, hidesNumber: true });
  const stack = await startCloudStack(graph, variables);
  closers.push(() => stack.close());
  await eventually(() => graph.isSubscribed);
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
  it('writes to a person by a business-scoped id, and tells the statuses by it', async () => {
    const { graph, stack } = await start();
    const { id, contacts, meta } = await post(stack, { recipient: BO, type: 'text', text: { body: 'Hi' } });
    expect(contacts).toEqual([{ input: BO, user_id: BO }]);
    expect(meta).toEqual({
      version: expect.any(String),
      backend: { name: 'cloud-api', version: 'v26.0' },
      api_status: 'stable',
    });
    await eventually(() => statusesOf(stack, id).length === 3);
    expect(graph.bodies('/messages')).toMatchObject([{ recipient: BO, type: 'text' }]);
    expect(graph.bodies('/messages')[0]).not.toHaveProperty('to');
    const told = stack.callbacks.filter(({ statuses = [] }) => statuses.length > 0);
    for (const { contacts: people, statuses = [] } of told) {
      expect(people?.[0]).toEqual({ user_id: BO });
      expect(statuses[0]).not.toHaveProperty('recipient_id');
    }
  });

  it('tells that a message by such an id failed', async () => {
    const { graph, stack } = await start();
    graph.setFaults({ path: '*/messages', code: 131062 });
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
    for (const [index, hidesNumber] of [true, false, true].entries()) {
      await graph.network.people.setId(ANA, { hidesNumber });
      await graph.say(ANA, { type: 'text', text: 'Hi' });
      await eventually(() => stack.messages().length === index + 1);
    }
    expect(stack.messages().map(({ from, from_bsuid }) => [from, from_bsuid])).toEqual([
      [undefined, BO],
      [ANA, BO],
      [ANA, BO],
    ]);
  });

  it('puts the id of a person without a number into from, if it is asked to', async () => {
    const { graph, stack } = await start({ WABA_CLOUD_IDENTITY: 'BsuidInFrom' });
    await graph.say(ANA, { type: 'text', text: 'Hi' });
    expect(await eventually(() => stack.messages()[0])).toMatchObject({ from: BO, from_bsuid: BO });
  });

  it('asks a person without a number for it once, and delivers what they write meanwhile', async () => {
    const { graph, stack } = await start({ WABA_CLOUD_IDENTITY: 'RequestContact' });
    for (const text of ['Hi', 'Still here']) await graph.say(ANA, { type: 'text', text });
    await eventually(() => graph.accepted.length > 0 && stack.messages().length === 2);
    await graph.settled();
    expect(graph.bodies('/messages')).toMatchObject([
      { recipient: BO, type: 'interactive', interactive: { type: 'contact_request' } },
    ]);
    // The stack did not send it.
    expect(stack.statuses()).toEqual([]);
    await graph.network.people.setId(ANA, { hidesNumber: false });
    await graph.say(ANA, { type: 'text', text: 'My number' });
    expect(await eventually(() => stack.messages()[2])).toMatchObject({ from: ANA, from_bsuid: BO });
  });

  it('remembers a person who has another id or another number, and tells of both', async () => {
    const { graph, stack } = await start();
    await stack.client.settings.patchApplication(stack.session, { notify_user_change_number: true }, never);
    const { people } = graph.network;
    const acts = [
      () =>
        people.setId(ANA, { hidesNumber: false }).then(() => graph.say(ANA, { type: 'text', text: 'Hi' })),
      () =>
        people
          .setId(ANA, { hidesNumber: true })
          .then(() => graph.network.setUserId(ANA, { userId: 'US.new' })),
      () => graph.say(ANA, { type: 'text', text: 'Hi' }),
      () => people.changeNumber(ANA, '16505559999'),
      () => graph.say('16505559999', { type: 'text', text: 'Hi' }),
    ];
    for (const [index, act] of acts.entries()) {
      await act();
      await eventually(() => stack.messages().length === index + 1);
    }
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
    const { graph, stack } = await start();
    await graph.network.people.setId(ANA, { hidesNumber: false });
    const webhooks = { message: { sending: true, sent: true } };
    await stack.client.settings.patchApplication(stack.session, { webhooks }, never);
    const id = await send(stack, text('Hi'));
    await eventually(() => statusesOf(stack, id).length === 4);
    expect(statusesOf(stack, id).sort()).toEqual(['delivered', 'read', 'sending', 'sent']);
  });
});
