/** The chat view as a person meets it. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import type { IChatState } from '../src/chat/backend';
import { keepDraft } from '../src/chat/drafts';
import { ChatError } from '../src/chat/errors';
import type { IMessage } from '../src/chat/protocol';
import { ChatView } from '../src/chat/view';
import { FakeBackend, message, prompt } from './fakes';
import { buttonNamed, openPage, press, settle, type } from './page';

let host: HTMLElement;
let views: ChatView[] = [];

beforeEach(() => {
  host = openPage();
  keepDraft('s1', '');
});

afterEach(() => {
  views.forEach(view => {
    view.dispose();
  });
  views = [];
});

function show(rows: readonly IMessage[] = [], state: Partial<IChatState> = {}): FakeBackend {
  const backend = new FakeBackend(rows, state);
  attach(backend);
  return backend;
}

function attach(backend: FakeBackend): ChatView {
  const view = new ChatView(backend);
  views.push(view);
  host.append(view.node);
  return view;
}

function field(): HTMLTextAreaElement {
  return host.querySelector<HTMLTextAreaElement>('textarea[aria-label="Message"]')!;
}

function alertText(): string {
  return host.querySelector('[role="alert"] .jp-FlowDrop-alertText')?.textContent ?? '';
}

test('Enter sends and empties the field', async () => {
  const backend = show();
  type(field(), 'hello');
  const event = press(field(), 'Enter');
  await settle();
  assert.ok(event.defaultPrevented);
  assert.deepEqual(backend.calls, [['send', 'hello']]);
  assert.equal(field().value, '');
});

test('Shift+Enter breaks the line', async () => {
  const backend = show();
  type(field(), 'hello');
  const event = press(field(), 'Enter', { shiftKey: true });
  await settle();
  assert.ok(!event.defaultPrevented);
  assert.deepEqual(backend.calls, []);
});

test('a line break stays out of reach of the host, which would forbid it', () => {
  show();
  let heard = 0;
  field().addEventListener('beforeinput', () => (heard += 1));
  const inputType = 'insertLineBreak';
  field().dispatchEvent(new InputEvent('beforeinput', { inputType, bubbles: true }));
  assert.equal(heard, 0);
});

test('Enter belongs to the input method while it composes', async () => {
  const backend = show();
  type(field(), 'こん');
  press(field(), 'Enter', { isComposing: true });
  await settle();
  assert.deepEqual(backend.calls, []);
});

test('a blank message is not sent', async () => {
  const backend = show();
  type(field(), '  \n');
  press(field(), 'Enter');
  await settle();
  assert.deepEqual(backend.calls, []);
});

test('a refused message stays in the field and the reason is shown', async () => {
  const backend = show();
  backend.outcome = () => Promise.reject(new ChatError('The session is busy.', 'SESSION_BUSY'));
  type(field(), 'keep me');
  press(field(), 'Enter');
  await settle();
  assert.equal(field().value, 'keep me');
  assert.equal(alertText(), 'The session is busy.');
  buttonNamed(host, 'Dismiss this message')!.click();
  assert.equal(alertText(), '');
});

test('a message is sent once, however often Enter is pressed', async () => {
  const backend = show();
  let finish: () => void = () => undefined;
  backend.outcome = () =>
    new Promise(resolve => {
      finish = resolve;
    });
  type(field(), 'once');
  press(field(), 'Enter');
  press(field(), 'Enter');
  finish();
  await settle();
  assert.equal(backend.calls.length, 1);
});

test('a message over the limit is kept and explained, not cut', async () => {
  const backend = show();
  type(field(), 'x'.repeat(10_003));
  press(field(), 'Enter');
  await settle();
  assert.deepEqual(backend.calls, []);
  assert.equal(field().value.length, 10_003);
  assert.match(host.textContent, /Too long by 3 characters/);
});

for (const [name, state] of [
  ['running', { status: 'running' }],
  ['offline', { connection: { state: 'offline', detail: 'Gone.' } }],
  ['read-only', { readOnly: true }]
] as [string, Partial<IChatState>][]) {
  test(`while ${name} nothing can be written, and it says why`, async () => {
    const backend = show([], state);
    assert.ok(field().readOnly);
    assert.equal(field().getAttribute('aria-disabled'), 'true');
    const hint = document.getElementById(field().getAttribute('aria-describedby')!)!;
    assert.notEqual(hint.textContent, '');
    field().value = 'x';
    press(field(), 'Enter');
    await settle();
    assert.deepEqual(backend.calls, []);
  });
}

test('Esc asks before it stops', async () => {
  const backend = show([], { status: 'running' });
  press(field(), 'Escape');
  assert.deepEqual(backend.calls, []);
  const question = host.querySelector<HTMLElement>('.jp-FlowDrop-question')!;
  assert.ok(!question.hidden);
  buttonNamed(question, 'Stop')!.click();
  await settle();
  assert.deepEqual(backend.calls, [['stop']]);
  assert.ok(question.hidden);
});

test('Esc passes through when nothing runs', () => {
  show();
  assert.ok(!press(field(), 'Escape').defaultPrevented);
});

test('Stop is there only while running', () => {
  const backend = show([], { status: 'running' });
  const stop = host.querySelector<HTMLElement>('header .jp-FlowDrop-stop')!;
  assert.ok(!stop.hidden);
  backend.store.update({ status: 'completed' });
  assert.ok(stop.hidden);
});

test('the status is an icon and a word', () => {
  const backend = show();
  backend.store.update({ status: 'awaiting_input' });
  const chip = host.querySelector('.jp-FlowDrop-chip')!;
  assert.equal(chip.textContent, 'Waiting for you');
  assert.ok(chip.querySelector('svg'));
});

test('the confirm button answers true', async () => {
  const backend = show([prompt(1, { confirm_label: 'Ship it' })]);
  buttonNamed(host, 'Ship it')!.click();
  await settle();
  assert.deepEqual(backend.calls, [['answer', 'i1', true]]);
});

test('the No button answers false and does not cancel', async () => {
  const backend = show([prompt(1)]);
  buttonNamed(host, 'No')!.click();
  await settle();
  assert.deepEqual(backend.calls, [['answer', 'i1', false]]);
});

test('a prompt cannot be answered twice while the first answer is on its way', async () => {
  const backend = show([prompt(1)]);
  backend.outcome = () => new Promise(() => undefined);
  buttonNamed(host, 'Yes')!.click();
  buttonNamed(host, 'No')!.click();
  await settle();
  assert.equal(backend.calls.length, 1);
  assert.ok(buttonNamed(host, 'No')!.disabled);
});

test('a refused answer is shown and can be given again', async () => {
  const backend = show([prompt(1)]);
  backend.outcome = () => Promise.reject(new ChatError('Not now.', 'CONFLICT'));
  buttonNamed(host, 'Yes')!.click();
  await settle();
  assert.equal(alertText(), 'Not now.');
  assert.ok(!buttonNamed(host, 'Yes')!.disabled);
});

test('an answered prompt shows the answer and who gave it, without buttons', () => {
  const backend = show([prompt(1)]);
  const answered = { response_value: true, resolvedByUserName: 'Ada' };
  backend.store.upsert([prompt(1, answered, { status: 'completed' })]);
  const card = host.querySelector('.jp-FlowDrop-prompt')!;
  assert.equal(card.querySelector('button'), null);
  assert.match(card.textContent, /Ada answered: Yes/);
});

test('a prompt closed without an answer says so', () => {
  show([prompt(1, {}, { status: 'completed' })]);
  assert.match(host.textContent, /Closed without an answer/);
});

test('prompts wait while the connection is away', () => {
  const backend = show([prompt(1)]);
  backend.store.update({ connection: { state: 'offline', detail: '' } });
  assert.ok(buttonNamed(host, 'Yes')!.disabled);
  backend.store.update({ connection: { state: 'online', detail: '' } });
  assert.ok(!buttonNamed(host, 'Yes')!.disabled);
});

test('one of several options is answered as text', async () => {
  const options = [
    { value: 'a', label: 'Alpha' },
    { value: 'b', label: 'Beta' }
  ];
  const backend = show([prompt(1, { interrupt_type: 'choice', options })]);
  assert.ok(buttonNamed(host, 'Submit')!.disabled);
  host.querySelector<HTMLInputElement>('input[value="b"]')!.click();
  buttonNamed(host, 'Submit')!.click();
  await settle();
  assert.deepEqual(backend.calls, [['answer', 'i1', 'b']]);
});

test('several options are answered as a list, within their limits', async () => {
  const options = ['a', 'b', 'c'].map(value => ({ value, label: value }));
  const limits = { multiple: true, min_selections: 1, max_selections: 2 };
  const backend = show([prompt(1, { interrupt_type: 'choice', options, ...limits })]);
  const boxes = [...host.querySelectorAll<HTMLInputElement>('input[type="checkbox"]')];
  boxes.forEach(box => {
    box.click();
  });
  assert.ok(buttonNamed(host, 'Submit')!.disabled);
  boxes[1]!.click();
  buttonNamed(host, 'Submit')!.click();
  await settle();
  assert.deepEqual(backend.calls, [['answer', 'i1', ['a', 'c']]]);
});

test('a text is answered with Enter', async () => {
  const backend = show([prompt(1, { interrupt_type: 'text', min_length: 2 })]);
  const input = host.querySelector<HTMLInputElement>('input[type="text"]')!;
  type(input, 'x');
  press(input, 'Enter');
  type(input, 'xy');
  press(input, 'Enter');
  await settle();
  assert.deepEqual(backend.calls, [['answer', 'i1', 'xy']]);
});

test('a kind that is not drawn yet can still be cancelled', async () => {
  const backend = show([prompt(1, { interrupt_type: 'review' })]);
  buttonNamed(host, 'Cancel')!.click();
  await settle();
  assert.deepEqual(backend.calls, [['cancel', 'i1']]);
});

test('no Cancel where cancelling is not allowed', () => {
  show([prompt(1, { interrupt_type: 'review', allow_cancel: false })]);
  assert.equal(buttonNamed(host, 'Cancel'), undefined);
});

test('what is being typed into a prompt survives news about other messages', () => {
  const backend = show([prompt(1, { interrupt_type: 'text' })]);
  const input = host.querySelector<HTMLInputElement>('input[type="text"]')!;
  type(input, 'half an ans');
  backend.store.upsert([message(2), prompt(1, { interrupt_type: 'text' })]);
  assert.equal(host.querySelector('input[type="text"]'), input);
});

test('log messages fold into one line that stays open', () => {
  const log = { role: 'log' as const };
  const backend = show([message(1, log), message(2, log)]);
  const fold = host.querySelector('details')!;
  assert.match(fold.textContent, /^2 log entries/);
  fold.open = true;
  backend.store.upsert([message(3, log)]);
  assert.equal(host.querySelectorAll('details').length, 1);
  assert.ok(host.querySelector('details')!.open);
  assert.equal(fold.querySelectorAll('li').length, 3);
});

test('rows are drawn in order and only changed ones anew', () => {
  const backend = show([message(1), message(3)]);
  const first = host.querySelector('[data-message-id="m1"]');
  backend.store.upsert([message(2)]);
  const ids = [...host.querySelectorAll<HTMLElement>('[data-message-id]')].map(
    row => row.dataset.messageId
  );
  assert.deepEqual(ids, ['m1', 'm2', 'm3']);
  assert.equal(host.querySelector('[data-message-id="m1"]'), first);
});

/** jsdom has no layout: give the log one that grows by 100 for each row. */
function layOut(): HTMLElement {
  const log = host.querySelector<HTMLElement>('[role="log"]')!;
  Object.defineProperty(log, 'clientHeight', { value: 200 });
  Object.defineProperty(log, 'scrollHeight', {
    get: () => log.querySelectorAll('[data-message-id]').length * 100
  });
  return log;
}

test('the log follows new messages', () => {
  const backend = show([message(1), message(2), message(3)]);
  const log = layOut();
  backend.store.upsert([message(4)]);
  assert.equal(log.scrollTop, 400);
});

test('the log stays where the reader scrolled to, and offers the way back', () => {
  const backend = show([1, 2, 3, 4, 5].map(number => message(number)));
  const log = layOut();
  backend.store.upsert([message(6)]);
  log.scrollTop = 50;
  log.dispatchEvent(new Event('scroll'));
  backend.store.upsert([message(7)]);
  assert.equal(log.scrollTop, 50);
  const jump = host.querySelector<HTMLButtonElement>('.jp-FlowDrop-jump')!;
  assert.ok(!jump.hidden);
  jump.click();
  assert.equal(log.scrollTop, 700);
  assert.ok(jump.hidden);
});

test('a new view on the same backend has the draft, the open folds and unsent answers', () => {
  const backend = show([message(1, { role: 'log' }), prompt(2, { interrupt_type: 'text' })]);
  type(field(), 'draft');
  type(host.querySelector<HTMLInputElement>('input[type="text"]')!, 'half');
  backend.memory.openFolds.add('fold:m1');
  views.pop()!.dispose();
  attach(backend);
  assert.equal(field().value, 'draft');
  assert.equal(host.querySelector<HTMLInputElement>('input[type="text"]')!.value, 'half');
  assert.ok(host.querySelector('details')!.open);
});

test('the focus comes back to the field when the host draws the view again', async () => {
  const backend = show();
  field().focus();
  host.replaceChildren();
  views.pop()!.dispose();
  attach(backend);
  await new Promise(resolve => requestAnimationFrame(resolve));
  assert.equal(document.activeElement, field());
});

test('the focus comes back to a prompt that was answered meanwhile', async () => {
  const backend = show([prompt(1)]);
  buttonNamed(host, 'Yes')!.focus();
  host.replaceChildren();
  views.pop()!.dispose();
  backend.store.upsert([prompt(1, { response_value: true }, { status: 'completed' })]);
  attach(backend);
  await new Promise(resolve => requestAnimationFrame(resolve));
  assert.equal(document.activeElement, host.querySelector('.jp-FlowDrop-prompt'));
});

test('the focus never leaves the chat while a prompt turns into its answer', () => {
  const backend = show([prompt(1)]);
  buttonNamed(host, 'Yes')!.focus();
  backend.store.upsert([prompt(1, { response_value: true }, { status: 'completed' })]);
  assert.equal(document.activeElement, host.querySelector('.jp-FlowDrop-prompt'));
});

test('a draft outlives its backend, until it is sent', async () => {
  show([], { sessionId: 'draft-session' });
  type(field(), 'typed before the cell ran again');
  views.pop()!.dispose();
  show([], { sessionId: 'draft-session' });
  assert.equal(field().value, 'typed before the cell ran again');
  press(field(), 'Enter');
  await settle();
  views.pop()!.dispose();
  show([], { sessionId: 'draft-session' });
  assert.equal(field().value, '');
});

test('a disposed view hears nothing and leaves nothing', () => {
  const backend = show();
  views.pop()!.dispose();
  assert.equal(host.childElementCount, 0);
  assert.doesNotThrow(() => {
    backend.store.upsert([message(1)]);
  });
});

test('offline offers a retry, read-only does not', async () => {
  const backend = show([], { connection: { state: 'offline', detail: 'No network.' } });
  assert.match(host.textContent, /No network\./);
  buttonNamed(host, 'Retry')!.click();
  await settle();
  assert.deepEqual(backend.calls, [['retryConnection']]);
  backend.store.update({ readOnly: true });
  assert.equal(buttonNamed(host, 'Retry'), undefined);
});

test('what the user wrote is shown as it is, not as Markdown', () => {
  show([message(1, { role: 'user', content: '**a** <b>c</b>' })]);
  assert.equal(host.querySelector('.jp-FlowDrop-bubble')!.textContent, '**a** <b>c</b>');
});

test('every control has a name', () => {
  show([prompt(1), message(2), message(3, { role: 'user' })], { status: 'running' });
  for (const button of host.querySelectorAll('button')) {
    assert.notEqual(button.getAttribute('aria-label') ?? button.textContent, '');
    assert.equal(button.type, 'button');
  }
});
