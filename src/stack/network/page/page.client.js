// The page of simulated people. It uses only the control API, so a script can do the same.
const byId = (id) => document.getElementById(id);
const element = (tag, properties = {}, ...children) => {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children.filter((child) => child !== undefined));
  return made;
};
const state = { number: '', person: '', people: new Map(), recording: undefined };

async function call(method, path, body) {
  const answer = await fetch(path, {
    method,
    ...(body === undefined
      ? {}
      : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
  });
  const text = await answer.text();
  const content = text === '' ? undefined : JSON.parse(text);
  if (!answer.ok) throw new Error(content?.error ?? `${method} ${path}: ${answer.status}`);
  return content;
}
/** Shows an error on the page. */
const guarded =
  (action) =>
  async (...given) => {
    try {
      byId('problem').textContent = '';
      return await action(...given);
    } catch (error) {
      byId('problem').textContent = error.message;
    }
  };

const write = (message) =>
  call('POST', `/numbers/${state.number}/messages`, { from: state.person, ...message });

// ── The list of people

async function showNumbers() {
  const { numbers } = await call('GET', '/numbers');
  const select = byId('number');
  const registered = numbers.filter((number) => number.registered);
  if (!registered.some(({ number }) => number === state.number)) state.number = registered[0]?.number ?? '';
  select.replaceChildren(
    ...registered.map(({ number, vname }) =>
      element('option', {
        value: number,
        textContent: `+${number} ${vname}`,
        selected: number === state.number,
      }),
    ),
  );
  const waiting = numbers.find(({ code }) => code !== undefined);
  byId('number-state').textContent =
    registered.length === 0
      ? waiting
        ? `+${waiting.number} waits for its code: ${waiting.code}`
        : 'no number is registered yet'
      : '';
}

async function showPeople() {
  const [{ people }, { chats }] = await Promise.all([
    call('GET', '/people'),
    state.number ? call('GET', `/numbers/${state.number}/chats`) : { chats: [] },
  ]);
  state.people = new Map(people.map((person) => [person.waId, person]));
  const order = [...new Set([...chats.map(({ waId }) => waId), ...people.map(({ waId }) => waId)])];
  const last = new Map(chats.map((chat) => [chat.waId, chat.last]));
  byId('people').replaceChildren(
    ...order.map((waId) => {
      const message = last.get(waId);
      const button = element(
        'button',
        { type: 'button', onclick: () => choose(waId) },
        nameOf(waId),
        element('small', { textContent: message ? summary(message) : `+${waId}` }),
      );
      button.setAttribute('aria-current', String(waId === state.person));
      return element('li', {}, button);
    }),
  );
}

const nameOf = (waId) => state.people.get(waId)?.profileName ?? `+${waId}`;
const summary = ({ type, content, direction }) => {
  const text = direction === 'in' ? content.body : (content.text?.body ?? content.interactive?.body?.text);
  return text ?? `[${type}]`;
};

// ── A chat

const choose = guarded(async (waId) => {
  state.person = waId;
  byId('compose').hidden = byId('behaviour').hidden = byId('person-actions').hidden = false;
  await Promise.all([showPeople(), showChat()]);
  showBehaviour();
  byId('compose').elements.text.focus();
});

async function showChat() {
  if (!state.person || !state.number) return;
  const { messages } = await call('GET', `/numbers/${state.number}/chats/${state.person}`);
  byId('chat-title').textContent = `${nameOf(state.person)}, +${state.person}`;
  const list = byId('messages');
  const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 80;
  list.replaceChildren(...messages.map(bubble));
  if (atEnd) list.scrollTop = list.scrollHeight;
}

const TICKS = { sent: '✓', delivered: '✓✓', read: '✓✓', failed: '✕', deleted: '⌫', warning: '!' };

function bubble(message) {
  const { direction, atMs, status, error } = message;
  const isPerson = direction === 'in';
  const line = element('li', { className: isPerson ? 'person' : 'business' });
  line.dataset.id = message.id;
  line.append(...(isPerson ? ownContent(message) : businessContent(message)));
  const meta = element('div', { className: status === 'failed' ? 'meta failed' : 'meta' });
  const told = error ? `${status}: ${error.code} ${error.title}` : status;
  meta.append(`${new Date(atMs).toLocaleTimeString()} ${TICKS[status] ?? ''} ${told}`);
  line.append(meta);
  if (!isPerson) line.append(reactions(message));
  return line;
}

const paragraph = (text) => element('p', { textContent: text });

function ownContent({ type, content, media }) {
  if (media.length > 0)
    return [shown(type, media[0], content.filename), content.caption && paragraph(content.caption)].filter(
      Boolean,
    );
  const reply = content.button_reply ?? content.list_reply;
  return [
    paragraph(content.body ?? reply?.title ?? content.text ?? content.emoji ?? JSON.stringify(content)),
  ];
}

function businessContent({ id, type, content, media }) {
  const own = content[type] ?? {};
  const file =
    media[0] && type !== 'text' ? shown(mediaKind(type, media[0]), media[0], own.filename) : undefined;
  const parts = [file];
  if (type === 'text') parts.push(paragraph(own.body));
  else if (type === 'interactive') parts.push(...interactive(id, own));
  else if (type === 'template' || type === 'hsm') parts.push(...template(id, own));
  else if (type === 'location')
    parts.push(paragraph(`📍 ${own.name ?? ''} ${own.latitude}, ${own.longitude}`));
  else if (type === 'contacts')
    parts.push(paragraph(own.map(({ name }) => `👤 ${name.formatted_name}`).join('\n')));
  else if (type === 'reaction') parts.push(paragraph(own.emoji || 'took a reaction back'));
  else if (own.caption) parts.push(paragraph(own.caption));
  else if (!file) parts.push(paragraph(JSON.stringify(own)));
  return parts.filter(Boolean);
}

const mediaKind = (type, { type: mime }) =>
  ['image', 'video', 'audio', 'sticker', 'document'].includes(type) ? type : mime.split('/')[0];

function shown(kind, { sha256, type }, filename) {
  const src = `/media/${sha256}?type=${encodeURIComponent(type)}`;
  if (kind === 'image' || kind === 'sticker') return element('img', { src, alt: `${kind} of type ${type}` });
  if (kind === 'video') return element('video', { src, controls: true });
  if (kind === 'audio' || kind === 'voice') return element('audio', { src, controls: true });
  return element('a', { href: src, textContent: `📄 ${filename ?? type}`, download: filename ?? sha256 });
}

const answerWith = (id, message) => guarded(() => write({ ...message, context: { from: state.number, id } }));
const choice = (textContent, onclick) => element('button', { type: 'button', textContent, onclick });

function interactive(id, { type, header, body, footer, action }) {
  const parts = [
    header?.text && element('strong', { textContent: header.text }),
    body && paragraph(body.text),
  ];
  if (footer) parts.push(element('p', { className: 'meta', textContent: footer.text }));
  const choices = element('div', { className: 'choices' });
  for (const { reply } of action.buttons ?? [])
    choices.append(
      choice(
        reply.title,
        answerWith(id, { type: 'interactive', interactive: { type: 'button_reply', button_reply: reply } }),
      ),
    );
  for (const { title, rows = [] } of type === 'list' ? action.sections : []) {
    if (title) choices.append(element('small', { textContent: title }));
    for (const row of rows)
      choices.append(
        choice(
          row.title,
          answerWith(id, { type: 'interactive', interactive: { type: 'list_reply', list_reply: row } }),
        ),
      );
  }
  const products = [
    action.product_retailer_id,
    ...(type === 'product_list' ? action.sections : []).flatMap(({ product_items }) =>
      product_items.map((item) => item.product_retailer_id),
    ),
  ].filter(Boolean);
  if (products.length > 0) parts.push(paragraph(`🛒 ${products.join(', ')}`));
  return [...parts, choices];
}

function template(id, { name, element_name, components = [], localizable_params = [] }) {
  const texts = components.flatMap(({ type, parameters = [] }) =>
    type === 'button'
      ? []
      : parameters.map(
          ({ text, currency, date_time }) => text ?? currency?.fallback_value ?? date_time?.fallback_value,
        ),
  );
  const values = [...texts, ...localizable_params.map((parameter) => parameter.default)].filter(Boolean);
  const choices = element('div', { className: 'choices' });
  for (const { type, sub_type, index, parameters = [] } of components) {
    if (type !== 'button' || sub_type !== 'quick_reply') continue;
    const payload = parameters[0]?.payload ?? null;
    const text = payload ?? `Button ${Number(index) + 1}`;
    choices.append(choice(text, answerWith(id, { type: 'button', button: { payload, text } })));
  }
  return [
    element('strong', { textContent: `Template ${name ?? element_name}` }),
    paragraph(values.join('\n')),
    choices,
  ];
}

function reactions(message) {
  const bar = element('div', { className: 'choices' });
  for (const emoji of ['👍', '❤️', '😂']) {
    const button = choice(
      emoji,
      guarded(() => write({ type: 'reaction', reaction: { message_id: message.id, emoji } })),
    );
    button.setAttribute('aria-label', `React with ${emoji}`);
    bar.append(button);
  }
  return bar;
}

// ── What the person writes

const base64Of = (blob) =>
  new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result).split(',')[1]);
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(blob);
  });

function kindOf(file) {
  const [kind] = file.type.split('/');
  return ['image', 'video', 'audio'].includes(kind) ? kind : 'document';
}

byId('compose').addEventListener(
  'submit',
  guarded(async (event) => {
    event.preventDefault();
    const form = event.currentTarget;
    const { text, file } = form.elements;
    const [chosen] = file.files;
    if (chosen) {
      const type = kindOf(chosen);
      const content = {
        ...(type === 'document' ? { filename: chosen.name } : {}),
        ...(text.value && type !== 'audio' ? { caption: text.value } : {}),
      };
      const mime_type = chosen.type || 'application/octet-stream';
      await write({ type, [type]: content, data: await base64Of(chosen), mime_type });
    } else if (text.value) await write({ text: text.value });
    form.reset();
    text.focus();
  }),
);

let recorder;
byId('record').addEventListener(
  'click',
  guarded(async () => {
    if (recorder) return recorder.stop();
    if (!navigator.mediaDevices || !window.MediaRecorder)
      throw new Error('this browser can not record here; send a file instead');
    const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
    const mimeType = ['audio/ogg; codecs=opus', 'audio/webm; codecs=opus'].find((type) =>
      MediaRecorder.isTypeSupported(type),
    );
    recorder = new MediaRecorder(stream, { mimeType });
    const chunks = [];
    recorder.ondataavailable = ({ data }) => chunks.push(data);
    recorder.onstop = guarded(async () => {
      for (const track of stream.getTracks()) track.stop();
      recorder = undefined;
      byId('record').textContent = 'Record voice';
      const data = await base64Of(new Blob(chunks, { type: mimeType }));
      await write({ type: 'voice', voice: {}, data, mime_type: mimeType });
    });
    recorder.start();
    byId('record').textContent = 'Stop and send';
  }),
);

byId('new-person').addEventListener(
  'submit',
  guarded(async (event) => {
    event.preventDefault();
    const form = event.currentTarget;
    const waId = form.elements.waId.value.replace(/\D/g, '');
    const name = form.elements.name.value;
    await call('PUT', `/people/${waId}`, name ? { name } : {});
    form.reset();
    await choose(waId);
  }),
);

// ── How the person behaves

const FIELDS = {
  hasWhatsApp: 'Uses WhatsApp',
  blocks: 'Has blocked the business',
  optedOut: 'Wants no news',
  oldApp: 'Has an old app',
  deliverAfterMs: 'Gets messages after (ms)',
  readAfterMs: 'Reads them after (ms; empty: never)',
  deleteAfterMs: 'Deletes them after (ms; empty: never)',
  failsWith: 'Messages fail with code (empty: none)',
};

function showBehaviour() {
  const { behaviour } = state.people.get(state.person) ?? {};
  if (!behaviour) return;
  byId('fields').replaceChildren(
    ...Object.entries(FIELDS).map(([name, label]) => {
      const value = behaviour[name];
      const input =
        typeof value === 'boolean'
          ? element('input', { type: 'checkbox', name, checked: value })
          : element('input', { type: 'number', min: 0, name, value: value ?? '' });
      return element('label', {}, ...(typeof value === 'boolean' ? [input, ` ${label}`] : [label, input]));
    }),
  );
}

byId('behaviour').addEventListener(
  'submit',
  guarded(async (event) => {
    event.preventDefault();
    const inputs = [...event.currentTarget.elements].filter(({ name }) => name in FIELDS);
    const told = (input) =>
      input.type === 'checkbox' ? input.checked : input.value === '' ? null : Number(input.value);
    await call(
      'PUT',
      `/people/${state.person}`,
      Object.fromEntries(inputs.map((input) => [input.name, told(input)])),
    );
    await showPeople();
  }),
);
byId('identity').addEventListener(
  'click',
  guarded(() => call('POST', `/people/${state.person}/identity`)),
);
byId('change-number').addEventListener(
  'click',
  guarded(async () => {
    const newWaId = window.prompt('The new number', '')?.replace(/\D/g, '');
    if (newWaId) await call('POST', `/people/${state.person}/number`, { newWaId });
  }),
);

// ── Recording and time

async function showRecording() {
  if (!state.number) return;
  const { isOn, callbacks } = await call('GET', `/numbers/${state.number}/recording`);
  const button = byId('recording');
  button.textContent = isOn ? `Stop recording (${callbacks.length})` : 'Start recording';
  button.setAttribute('aria-pressed', String(isOn));
  const link = byId('fixture');
  link.hidden = callbacks.length === 0;
  link.href = `/numbers/${state.number}/recording?download`;
}
byId('recording').addEventListener(
  'click',
  guarded(async (event) => {
    const isOn = event.currentTarget.getAttribute('aria-pressed') !== 'true';
    await call('PUT', `/numbers/${state.number}/recording`, { isOn });
    await showRecording();
  }),
);
for (const button of document.querySelectorAll('[data-hours]'))
  button.addEventListener(
    'click',
    guarded(() => call('POST', '/clock', { advanceMs: Number(button.dataset.hours) * 3_600_000 })),
  );

byId('number').addEventListener(
  'change',
  guarded(async (event) => {
    state.number = event.currentTarget.value;
    await refresh();
  }),
);

// ── What is new

let isStale = false;
let isBusy = false;
/** Many changes in a short time cause one refresh. */
const refresh = guarded(async () => {
  isStale = true;
  if (isBusy) return;
  isBusy = true;
  try {
    while (isStale) {
      isStale = false;
      await showNumbers();
      await Promise.all([showPeople(), showChat(), showRecording()]);
    }
  } finally {
    isBusy = false;
  }
});
const news = new EventSource('/events');
news.onmessage = refresh;
news.onopen = refresh;
