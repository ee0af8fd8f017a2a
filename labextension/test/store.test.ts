/** Order, identity and notices of the store; folding of log messages. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { foldLogs } from '../src/chat/fold';
import { describeAnswer, interruptOf } from '../src/chat/interrupts';
import { parseMessage } from '../src/chat/protocol';
import { ChatStore } from '../src/chat/store';
import { message, prompt } from './fakes';

test('rows that arrive out of order are shown in sequence', () => {
  const store = new ChatStore();
  store.upsert([message(3), message(1)]);
  store.upsert([message(2)]);
  assert.deepEqual(
    store.messages.map(row => row.id),
    ['m1', 'm2', 'm3']
  );
});

test('the sequence number decides, whatever the clocks said', () => {
  const store = new ChatStore();
  store.upsert([
    message(2, { timestamp: message(1).timestamp }),
    message(1, { timestamp: message(9).timestamp })
  ]);
  assert.deepEqual(
    store.messages.map(row => row.id),
    ['m1', 'm2']
  );
});

test('a row with a known id replaces the old one', () => {
  const store = new ChatStore();
  store.upsert([message(1, { status: 'pending' }), message(2)]);
  store.upsert([message(1, { status: 'completed' })]);
  assert.deepEqual(
    store.messages.map(row => row.status),
    ['completed', 'completed']
  );
});

test('an unchanged row keeps its identity and nobody is told', () => {
  const store = new ChatStore();
  store.upsert([message(1)]);
  const before = store.messages[0];
  const changes: string[] = [];
  store.subscribe(change => changes.push(change));
  store.upsert([message(1)]);
  store.update({ status: 'idle' });
  assert.equal(store.messages[0], before);
  assert.deepEqual(changes, []);
});

test('a listener that left hears nothing', () => {
  const store = new ChatStore();
  const changes: string[] = [];
  store.subscribe(change => changes.push(change))();
  store.upsert([message(1)]);
  assert.deepEqual(changes, []);
});

test('only consecutive log messages are folded together', () => {
  const log = { role: 'log' as const };
  const rows = [message(1), message(2, log), message(3, log), message(4), message(5, log)];
  assert.deepEqual(
    foldLogs(rows).map(item => (item.kind === 'fold' ? item.messages.length : item.key)),
    ['m1', 2, 'm4', 1]
  );
});

test('a damaged row is read as far as it goes', () => {
  const row = parseMessage({ id: 'x', role: 'nobody', content: { a: 1 }, metadata: null });
  assert.equal(row?.role, 'system');
  assert.equal(row.content, '{"a":1}');
  assert.deepEqual(row.metadata, {});
  assert.equal(parseMessage({ content: 'no id' }), null);
});

const ANSWERS: [string, Record<string, unknown>, string][] = [
  ['a confirmed question', { response_value: true, confirm_label: 'Ship' }, 'Ship'],
  ['a denied question', { response_value: false }, 'No'],
  [
    'a choice',
    {
      interrupt_type: 'choice',
      multiple: true,
      options: [{ value: 'a', label: 'Alpha' }, 'b'],
      response_value: ['a', 'b']
    },
    'Alpha, b'
  ],
  ['a text', { interrupt_type: 'text', response_value: 'hello' }, 'hello'],
  ['an empty text', { interrupt_type: 'text', response_value: '' }, 'an empty text'],
  ['a form', { interrupt_type: 'form', response_value: { a: 1 } }, '{"a":1}']
];

for (const [name, metadata, words] of ANSWERS) {
  test(`${name} is described in words`, () => {
    assert.equal(describeAnswer(interruptOf(prompt(1, metadata))!), words);
  });
}
