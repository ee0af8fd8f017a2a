/** The REST client: addresses, bodies, and refusals in the server's own words. */
import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import type { RestClient as Client } from '../src/rest/client';
import { openPage } from './page';

interface ICall {
  readonly method: string;
  readonly url: string;
  readonly body: string;
  readonly xsrf: string | null;
}

let calls: ICall[];
let client: Client;
let reply: () => Response | Promise<Response>;

beforeEach(async () => {
  openPage();
  document.cookie = '_xsrf=secret';
  // Lab's packages look at the page while they load.
  const { ServerConnection } = await import('@jupyterlab/services');
  const { RestClient } = await import('../src/rest/client');
  calls = [];
  const settings = ServerConnection.makeSettings({
    baseUrl: 'http://localhost:8888/user/ada/',
    Headers,
    Request,
    fetch: async input => {
      const request = input as Request;
      const { method, url, headers } = request;
      calls.push({ method, url, body: await request.text(), xsrf: headers.get('X-XSRFToken') });
      return reply();
    }
  });
  client = new RestClient(settings);
});

function json(body: unknown, status = 200): () => Response {
  return () => new Response(JSON.stringify(body), { status });
}

test('ids are encoded and lie under the base address', async () => {
  reply = json({ success: true, data: [] });
  await client.sessions('a/b c');
  const path = 'flowdrop/api/workflows/a%2Fb%20c/playground/sessions';
  assert.ok(calls[0]?.url.startsWith(`http://localhost:8888/user/ada/${path}`));
});

test('a message is posted with empty inputs and the XSRF token', async () => {
  reply = json({ success: true, data: { id: 'm1', role: 'user' } });
  const row = await client.post('s1', 'hi');
  assert.equal(row?.id, 'm1');
  assert.equal(calls[0]?.method, 'POST');
  assert.deepEqual(JSON.parse(calls[0].body), { content: 'hi', inputs: {} });
  assert.equal(calls[0].xsrf, 'secret');
});

test('a page is asked for by what it comes after or before', async () => {
  reply = json({ success: true, data: [], hasOlder: true, sessionStatus: 'running' });
  const page = await client.messages('s1', { since: '2026-01-01T00:00:00.000001Z' });
  assert.match(calls[0]!.url, /messages\?since=2026-01-01T00%3A00%3A00\.000001Z/);
  assert.deepEqual(page, { messages: [], hasOlder: true, sessionStatus: 'running' });
  await client.messages('s1', { before: 7 });
  assert.match(calls[1]!.url, /messages\?before=7/);
});

test('a read in the background does not count as activity', async () => {
  reply = json({ success: true, data: [], hasOlder: false, sessionStatus: 'idle' });
  await client.workflows({ background: true });
  await client.sessions('w1', { background: true });
  await client.messages('s1', { background: true, since: 'x' });
  await client.messages('s1');
  assert.match(calls[0]!.url, /workflows\?no_track_activity=1/);
  assert.match(calls[1]!.url, /sessions\?no_track_activity=1/);
  assert.match(calls[2]!.url, /messages\?since=x&no_track_activity=1/);
  assert.doesNotMatch(calls[3]!.url, /no_track_activity/);
});

test('false is an answer like any other', async () => {
  reply = json({ success: true, data: {} });
  await client.answer('i1', false);
  assert.deepEqual(JSON.parse(calls[0]!.body), { value: false });
});

test('a refusal keeps its words, code and status', async () => {
  reply = json({ success: false, error: 'The session is running.', code: 'SESSION_BUSY' }, 409);
  await assert.rejects(client.post('s1', 'hi'), {
    message: 'The session is running.',
    code: 'SESSION_BUSY',
    status: 409
  });
});

test('a refusal without an envelope is still said in words', async () => {
  reply = () => new Response('<html>', { status: 502, statusText: 'Bad Gateway' });
  await assert.rejects(client.workflows(), { message: 'Bad Gateway', code: 'HTTP_502' });
});

test('a server that cannot be reached is told apart from one that refuses', async () => {
  reply = () => Promise.reject(new TypeError('network'));
  await assert.rejects(client.workflows(), { code: 'UNREACHABLE', status: null });
});

test('an answer that is no JSON is refused', async () => {
  reply = () => new Response('hello', { status: 200 });
  await assert.rejects(client.workflows(), { code: 'BAD_ANSWER' });
});
