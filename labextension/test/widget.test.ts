/** The widget's side of the wire: requests, time limits, pushes and a kernel that goes away. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, mock, test } from 'node:test';
import { KERNEL_GONE, ModelBackend } from '../src/widget/backend';
import widgetModule from '../src/widget/index';
import { FakeModel, message } from './fakes';
import { openPage, setPageHidden, settle } from './page';
import type { IWidgetViewNotice } from '../src/chat/protocol';

let lifetime: AbortController;

beforeEach(() => {
  openPage();
  lifetime = new AbortController();
});

afterEach(() => {
  lifetime.abort();
  mock.timers.reset();
});

function notices(model: FakeModel): IWidgetViewNotice[] {
  return model.sent.filter(
    (each): each is IWidgetViewNotice => (each as { kind: string }).kind === 'view'
  );
}

function start(): { model: FakeModel; backend: ModelBackend } {
  const model = new FakeModel({
    session_id: 's1',
    session_name: 'One',
    workflow_name: 'Flow',
    status: 'idle',
    connection: { state: 'online', detail: '' },
    height: '300px'
  });
  return { model, backend: new ModelBackend(model, lifetime.signal) };
}

test('the history is asked for at once and its rows are shown in order', async () => {
  const { model, backend } = start();
  model.reply(model.request('history'), { messages: [message(2), message(1)] });
  await settle();
  assert.deepEqual(
    backend.messages.map(row => row.id),
    ['m1', 'm2']
  );
  assert.ok(backend.state.loaded);
});

test('the requests are those of the protocol', async () => {
  const { model, backend } = start();
  const asked = [
    backend.send('hi'),
    backend.answer('i1', false),
    backend.cancel('i1'),
    backend.stop()
  ];
  model.requests().forEach(request => {
    model.reply(request);
  });
  await Promise.all(asked);
  const sent = model.requests().map(({ method, params }) => [method, params]);
  assert.deepEqual(sent, [
    ['history', {}],
    ['send', { content: 'hi' }],
    ['answer', { interruptId: 'i1', value: false }],
    ['cancel', { interruptId: 'i1' }],
    ['stop', {}]
  ]);
  assert.equal(new Set(model.requests().map(request => request.id)).size, 5);
});

test('a refusal carries its words and its code', async () => {
  const { model, backend } = start();
  const sending = backend.send('hi');
  await settle();
  model.refuse(model.request('send'), 'Busy.', 'SESSION_BUSY');
  await assert.rejects(sending, { message: 'Busy.', code: 'SESSION_BUSY' });
});

test('replies to other browsers are ignored', async () => {
  const { model, backend } = start();
  model.emit('msg:custom', { kind: 'response', id: 'not-ours', ok: true, result: {} });
  await settle();
  assert.ok(!backend.state.loaded);
});

test('pushed rows replace and insert, in any order', () => {
  const { model, backend } = start();
  model.emit('msg:custom', { kind: 'messages', upsert: [message(2, { status: 'pending' })] });
  model.emit('msg:custom', { kind: 'messages', upsert: [message(1), message(2)] });
  assert.deepEqual(
    backend.messages.map(row => [row.id, row.status]),
    [
      ['m1', 'completed'],
      ['m2', 'completed']
    ]
  );
});

test('traits become state', () => {
  const { model, backend } = start();
  model.set('status', 'running');
  model.set('connection', { state: 'offline', detail: 'Server gone.' });
  assert.equal(backend.state.status, 'running');
  assert.deepEqual(backend.state.connection, { state: 'offline', detail: 'Server gone.' });
});

test('a history that does not come within ten seconds is said plainly, and welcome later', async () => {
  mock.timers.enable({ apis: ['setTimeout'] });
  const { model, backend } = start();
  mock.timers.tick(10_001);
  await settle();
  assert.equal(backend.state.connection.state, 'offline');
  assert.match(backend.state.connection.detail, /not answered within 10 seconds/);
  model.reply(model.request('history'), { messages: [message(1)] });
  await settle();
  assert.equal(backend.state.connection.state, 'online');
  assert.equal(backend.messages.length, 1);
});

test('a message times out after thirty seconds, an answer never', async () => {
  mock.timers.enable({ apis: ['setTimeout'] });
  const { model, backend } = start();
  model.reply(model.request('history'), { messages: [] });
  const sending = backend.send('hi');
  const answering = backend.answer('i1', true);
  await settle();
  const refused = assert.rejects(sending, { code: 'TIMEOUT' });
  mock.timers.tick(120_000);
  await refused;
  model.reply(model.request('answer'));
  await answering;
});

test('a dead comm makes the chat read-only and ends what is under way', async () => {
  const { model, backend } = start();
  const sending = backend.send('hi');
  model.comm_live = false;
  const refused = assert.rejects(sending, { message: KERNEL_GONE, code: 'KERNEL_GONE' });
  model.emit('comm_live_update');
  await refused;
  assert.ok(backend.state.readOnly);
  assert.equal(backend.state.connection.detail, KERNEL_GONE);
  await assert.rejects(backend.send('again'), { code: 'KERNEL_GONE' });
});

test('where the flag is hidden, the kernel is asked, and its answer counts', async () => {
  const { model, backend } = start();
  model.emit('comm_live_update');
  assert.ok(backend.state.readOnly);
  model.reply(model.request('history'), { messages: [message(1)] });
  await settle();
  assert.ok(!backend.state.readOnly);
  assert.equal(backend.state.connection.state, 'online');
});

test('another session id starts another conversation', async () => {
  const { model, backend } = start();
  model.reply(model.request('history'), { messages: [message(1)] });
  await settle();
  model.set('session_id', 's2');
  assert.equal(backend.messages.length, 0);
  assert.equal(model.requests().filter(request => request.method === 'history').length, 2);
});

test('views share one backend and say when they come, go and get the focus', () => {
  const model = new FakeModel({ session_id: 's1', status: 'idle', height: '300px' });
  const definition = widgetModule();
  const end = definition.initialize({ model });
  const first = document.createElement('div');
  const second = document.createElement('div');
  document.body.append(first, second);
  const endFirst = definition.render({ model, el: first });
  const endSecond = definition.render({ model, el: second });
  assert.equal(model.requests().length, 1);
  first.querySelector('textarea')!.focus();
  second.querySelector('textarea')!.focus();
  endFirst();
  endSecond();
  end();
  const [one, two] = [...new Set(notices(model).map(notice => notice.view))];
  assert.deepEqual(
    notices(model).map(({ view, state }) => [view, state]),
    [
      [one, 'attached'],
      [two, 'attached'],
      [one, 'focus'],
      [one, 'blur'],
      [two, 'focus'],
      [one, 'detached'],
      [two, 'detached']
    ]
  );
  assert.equal(first.childElementCount, 0);
  assert.equal(model.listenerCount, 0);
});

/** One view on a page whose time is the test's. */
function show(): { model: FakeModel; end: () => void; signs: () => number } {
  mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'Date'] });
  const model = new FakeModel({ session_id: 's1', status: 'idle', height: '300px' });
  const definition = widgetModule();
  const endModel = definition.initialize({ model });
  const endView = definition.render({ model, el: document.createElement('div') });
  const end = (): void => {
    endView();
    endModel();
  };
  return {
    model,
    end,
    signs: () => notices(model).filter(({ state }) => state === 'alive').length
  };
}

test('a view on a page in use gives a sign of life every twenty seconds', () => {
  const { end, signs } = show();
  mock.timers.tick(60_000);
  assert.equal(signs(), 3);
  end();
  mock.timers.tick(60_000);
  window.dispatchEvent(new Event('keydown'));
  assert.equal(signs(), 3);
});

test('a view on a hidden page is silent, and is heard of as soon as the page shows again', () => {
  const { end, signs } = show();
  setPageHidden(true);
  mock.timers.tick(120_000);
  assert.equal(signs(), 0);
  setPageHidden(false);
  assert.equal(signs(), 1);
  end();
});

test('a view that nobody is at falls silent after five minutes, until somebody is back', () => {
  const { end, signs } = show();
  mock.timers.tick(300_000);
  const before = signs();
  mock.timers.tick(3_600_000);
  assert.equal(signs(), before);
  window.dispatchEvent(new Event('pointermove'));
  window.dispatchEvent(new Event('pointermove'));
  assert.equal(signs(), before + 1);
  mock.timers.tick(20_000);
  assert.equal(signs(), before + 2);
  end();
});

test('the height follows its trait', () => {
  const model = new FakeModel({ session_id: 's1', height: '300px' });
  const definition = widgetModule();
  const end = definition.initialize({ model });
  const el = document.createElement('div');
  const endView = definition.render({ model, el });
  model.set('height', '50vh');
  assert.equal(el.querySelector<HTMLElement>('.jp-FlowDrop-chat')!.style.height, '50vh');
  endView();
  end();
});
