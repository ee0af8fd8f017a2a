/** The REST backend against a small server made of rows. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, mock, test } from 'node:test';
import { ChatError } from '../src/chat/errors';
import type { IMessage, IMessagePage, ISession, SessionStatus } from '../src/chat/protocol';
import { type ChatApi, RestBackend } from '../src/rest/backend';
import type { IPageQuery } from '../src/rest/client';
import { message, prompt } from './fakes';
import { openPage, setPageHidden, settle } from './page';

let lifetime: AbortController;

beforeEach(() => {
  openPage();
  lifetime = new AbortController();
  mock.timers.enable({ apis: ['setTimeout'] });
});

afterEach(() => {
  lifetime.abort();
  mock.timers.reset();
});

class FakeApi implements ChatApi {
  rows: IMessage[] = [];
  status: SessionStatus = 'idle';
  failure: ChatError | null = null;
  pageSize = 100;
  readonly queries: IPageQuery[] = [];

  session(id: string): Promise<ISession> {
    const session = { id, workflowId: 'w1', name: 'One', status: this.status };
    return this._reply({ ...session, createdAt: '', updatedAt: '' });
  }

  workflow(id: string): ReturnType<ChatApi['workflow']> {
    return this._reply({ id, name: 'Flow', description: '' });
  }

  messages(_id: string, query: IPageQuery = {}): Promise<IMessagePage> {
    this.queries.push(query);
    const { since, before } = query;
    const newer = this.rows.filter(
      row =>
        (since === undefined || row.timestamp > since) &&
        (before === undefined || row.sequenceNumber < before)
    );
    const messages = since === undefined ? newer.slice(-this.pageSize) : newer;
    const hasOlder = messages.length < newer.length;
    return this._reply({ messages, hasOlder, sessionStatus: this.status });
  }

  post(_id: string, content: string): Promise<IMessage> {
    const row = message(this.rows.length + 1, { role: 'user', content, status: 'pending' });
    this.rows.push(row);
    this.status = 'running';
    return this._reply(row);
  }

  stop(): Promise<void> {
    this.status = 'completed';
    return this._reply(undefined);
  }

  answer(): Promise<void> {
    this.rows = this.rows.map(row => ({ ...row, status: 'completed' }));
    return this._reply(undefined);
  }

  cancel(): Promise<void> {
    return this.answer();
  }

  private _reply<T>(value: T): Promise<T> {
    return this.failure ? Promise.reject(this.failure) : Promise.resolve(value);
  }
}

async function start(api: FakeApi): Promise<RestBackend> {
  const backend = new RestBackend(api, 's1', lifetime.signal);
  backend.setVisible(true);
  await settle();
  return backend;
}

async function wait(milliseconds: number): Promise<void> {
  mock.timers.tick(milliseconds);
  await settle();
}

test('opening reads the names and the newest page', async () => {
  const api = new FakeApi();
  api.rows = [message(1), message(2)];
  const backend = await start(api);
  assert.equal(backend.state.sessionName, 'One');
  assert.equal(backend.state.workflowName, 'Flow');
  assert.equal(backend.messages.length, 2);
  assert.equal(backend.state.connection.state, 'online');
});

test('a turn is followed every second until it ends, changed rows included', async () => {
  const api = new FakeApi();
  const backend = await start(api);
  await backend.send('hi');
  await settle();
  assert.equal(backend.state.status, 'running');
  api.rows.push(message(2));
  await wait(1000);
  assert.equal(backend.messages.length, 2);
  api.rows = [message(1, { role: 'user', content: 'hi' }), message(2), message(3)];
  api.status = 'completed';
  await wait(1000);
  assert.equal(backend.state.status, 'completed');
  assert.deepEqual(
    backend.messages.map(row => row.status),
    ['completed', 'completed', 'completed']
  );
});

test('a quiet session is read every four seconds, from the last row on', async () => {
  const api = new FakeApi();
  api.rows = [message(1)];
  await start(api);
  const before = api.queries.length;
  await wait(3900);
  assert.equal(api.queries.length, before);
  await wait(200);
  assert.equal(api.queries.at(-1)?.since, message(1).timestamp);
});

test('a prompt that another window answers closes here too', async () => {
  const api = new FakeApi();
  api.status = 'awaiting_input';
  api.rows = [prompt(1)];
  const backend = await start(api);
  await api.answer();
  await wait(4100);
  assert.equal(backend.messages[0]?.status, 'completed');
});

test('an answer is read back at once', async () => {
  const api = new FakeApi();
  api.status = 'awaiting_input';
  api.rows = [prompt(1)];
  const backend = await start(api);
  await backend.answer('i1', true);
  await settle();
  assert.equal(backend.messages[0]?.status, 'completed');
});

test('a hidden chat does not poll, and catches up when it shows again', async () => {
  const api = new FakeApi();
  const backend = await start(api);
  backend.setVisible(false);
  const before = api.queries.length;
  await wait(60_000);
  assert.equal(api.queries.length, before);
  api.rows.push(message(1));
  backend.setVisible(true);
  await settle();
  assert.equal(backend.messages.length, 1);
});

test('a chat on a hidden page does not poll, and catches up when the page shows again', async () => {
  const api = new FakeApi();
  const backend = await start(api);
  setPageHidden(true);
  await settle();
  const before = api.queries.length;
  await wait(60_000);
  assert.equal(api.queries.length, before);
  api.rows.push(message(1));
  setPageHidden(false);
  await settle();
  assert.equal(backend.messages.length, 1);
  await wait(4100);
  assert.equal(api.queries.length, before + 2);
});

test('a poll that ends on a hidden page is the last one', async () => {
  const api = new FakeApi();
  const backend = await start(api);
  const polling = backend.poll();
  setPageHidden(true);
  await polling;
  const before = api.queries.length;
  await wait(60_000);
  assert.equal(api.queries.length, before);
});

test('a page that shows again wakes no chat behind another tab', async () => {
  const api = new FakeApi();
  const backend = await start(api);
  backend.setVisible(false);
  setPageHidden(true);
  const before = api.queries.length;
  setPageHidden(false);
  await settle();
  assert.equal(api.queries.length, before);
});

test('polls are made in the background, and reading earlier pages is not', async () => {
  const api = new FakeApi();
  api.pageSize = 2;
  api.rows = [1, 2, 3].map(number => message(number));
  const backend = await start(api);
  await wait(4100);
  api.status = 'running';
  await wait(4100);
  assert.ok(api.queries.length >= 4);
  assert.ok(api.queries.every(query => query.background === true));
  await backend.loadOlder();
  assert.equal(api.queries.at(-1)?.background, undefined);
});

test('whenever a poll is asked for, even as another ends, what is new by then is read', async () => {
  for (let moment = 0; moment < 30; moment += 1) {
    const api = new FakeApi();
    const backend = await start(api);
    void backend.poll();
    for (let turn = 0; turn < moment; turn += 1) {
      await Promise.resolve();
    }
    api.rows.push(message(1));
    void backend.poll();
    await settle();
    assert.equal(backend.messages.length, 1, `asked for after ${moment} turns`);
    backend.setVisible(false);
  }
});

test('one hiccup is a pause, two are offline, and the retry comes by itself', async () => {
  const api = new FakeApi();
  const backend = await start(api);
  api.failure = new ChatError('The Jupyter server cannot be reached.', 'UNREACHABLE');
  await wait(4100);
  assert.equal(backend.state.connection.state, 'connecting');
  await wait(2100);
  assert.equal(backend.state.connection.state, 'offline');
  api.failure = null;
  await wait(15_000);
  assert.equal(backend.state.connection.state, 'online');
});

test('a session that is gone is read-only and is not asked for again', async () => {
  const api = new FakeApi();
  const backend = await start(api);
  api.failure = new ChatError('Not found.', 'NOT_FOUND', 404);
  await wait(4100);
  assert.ok(backend.state.readOnly);
  api.failure = null;
  const before = api.queries.length;
  await wait(60_000);
  assert.equal(api.queries.length, before);
});

test("a refusal keeps the server's words", async () => {
  const api = new FakeApi();
  const backend = await start(api);
  api.failure = new ChatError('The session is running.', 'SESSION_BUSY', 409);
  await assert.rejects(backend.send('hi'), { message: 'The session is running.', status: 409 });
});

test('earlier pages are put in front', async () => {
  const api = new FakeApi();
  api.pageSize = 2;
  api.rows = [1, 2, 3, 4, 5].map(number => message(number));
  const backend = await start(api);
  assert.ok(backend.state.hasOlder);
  await backend.loadOlder();
  await backend.loadOlder();
  assert.equal(backend.messages.length, 5);
  assert.ok(!backend.state.hasOlder);
});

test('nothing is read after the end', async () => {
  const api = new FakeApi();
  await start(api);
  lifetime.abort();
  const before = api.queries.length;
  await wait(60_000);
  assert.equal(api.queries.length, before);
});
