import type { CallbackRecord } from '../../callbackLog.ts';
import type { RehearsalEvent } from '../../rehearsalRecord.ts';
import type { RequestRecord } from '../../requestLog.ts';
import { chatsView } from './chats/chatsView.ts';
import { RecordLog } from './inspect/recordLog.ts';
import { Model } from './model.ts';
import { rehearsalView } from './rehearsal/rehearsalView.ts';
import { requestsView } from './requests/requestsView.ts';
import { startSearch } from './search/startSearch.ts';
import { setupView } from './setup/setupView.ts';
import { call } from './shell/call.ts';
import { followChanges } from './shell/live.ts';
import { guarded } from './shell/notices.ts';
import { oncePerFrame } from './shell/oncePerFrame.ts';
import { startRouter } from './shell/router.ts';
import { showClock, showNumbers, showTrouble } from './topBar.ts';
import { webhooksView } from './webhooks/webhooksView.ts';

const model = new Model();
const callbacks = new RecordLog<CallbackRecord>(async (limit) => {
  const { callbacks: records, lastId } = await call('GET /callbacks', { query: { limit } });
  return { records, lastId };
});
const requests = new RecordLog<RequestRecord>(async (limit) => {
  const { requests: records, lastId } = await call('GET /requests', { query: { limit } });
  return { records, lastId };
});
const rehearsal = new RecordLog<RehearsalEvent>(async (limit) => {
  // Without a Cloud API there is no rehearsal.
  const none = { events: [], lastId: 0 };
  const { events, lastId } = await call('GET /rehearsal/events', { query: { limit } }).catch(() => none);
  return { records: events, lastId };
});
const views = {
  chats: chatsView(model),
  webhooks: webhooksView(model, callbacks),
  requests: requestsView(requests),
  rehearsal: rehearsalView(rehearsal),
  setup: setupView(model),
};

await guarded(() => model.load())();
const current = startRouter(views, 'chats');
callbacks.onChange = oncePerFrame(() => {
  showTrouble(callbacks.all());
  if (current() === views.webhooks) void views.webhooks.refresh();
});
requests.onChange = oncePerFrame(() => {
  if (current() === views.requests) void views.requests.refresh();
});

rehearsal.onChange = oncePerFrame(() => {
  if (current() === views.rehearsal) void views.rehearsal.refresh();
});

const readLogs = () =>
  Promise.all([
    callbacks.load(),
    requests.load(),
    // It begins when somebody looks at it.
    ...(current() === views.rehearsal || rehearsal.all().length > 0 ? [rehearsal.load()] : []),
  ]);
const refresh = followChanges({
  refresh: async () => {
    await model.load();
    showNumbers(model, refresh);
    showClock(model);
    await current()?.refresh();
  },
  onConnected: readLogs,
  others: {
    reset: () => Promise.all([readLogs(), refresh()]),
    callback: (record) => callbacks.take(record as CallbackRecord),
    request: (record) => requests.take(record as RequestRecord),
    rehearsal: (event) => rehearsal.take(event as RehearsalEvent),
    clock: () => refresh(),
  },
});
startSearch({ model, callbacks, requests });
