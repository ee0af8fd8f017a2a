/** Where the person writes: Enter sends, Shift+Enter breaks the line, and a draft is never lost. */
import type { IViewContext } from './context';
import { h, setAttribute, uniqueId } from './dom';
import { draftOf, keepDraft } from './drafts';
import { icon } from './icons';
import { MAX_CONTENT_LENGTH } from './protocol';
import { characterCount } from './text';

/** The counter shows from here on. */
const COUNTER_FROM = MAX_CONTENT_LENGTH * 0.9;

/** How tall the field grows before it scrolls, in CSS pixels. */
const MAX_HEIGHT = 168;

export class Composer {
  readonly node: HTMLElement;

  constructor(
    private readonly _context: IViewContext,
    private readonly _sent: () => void
  ) {
    const { backend, signal } = _context;
    this._hint.id = uniqueId('composer-hint');
    this._field.setAttribute('aria-describedby', this._hint.id);
    this._field.value = backend.memory.draft || draftOf(backend.state.sessionId);
    backend.memory.draft = this._field.value;
    this._field.addEventListener(
      'input',
      () => {
        this._keep(this._field.value);
        this.update();
      },
      { signal }
    );
    this._field.addEventListener(
      'keydown',
      event => {
        this._onKey(event);
      },
      { signal }
    );
    this._send.addEventListener('click', () => void this.send(), { signal });
    this.node = h(
      'div',
      { class: 'jp-FlowDrop-composer' },
      h('div', { class: 'jp-FlowDrop-composerBox' }, this._field, this._send),
      h('div', { class: 'jp-FlowDrop-composerFoot' }, this._hint, this._counter)
    );
    this.update();
  }

  update(): void {
    const blocked = this._blockedReason();
    const length = characterCount(this._field.value);
    const excess = length - MAX_CONTENT_LENGTH;
    // Read-only rather than disabled: the focus stays, so Esc works and the next message can follow at once.
    this._field.readOnly = blocked !== '';
    setAttribute(this._field, 'aria-disabled', blocked !== '' ? 'true' : null);
    setAttribute(this._field, 'aria-invalid', excess > 0 ? 'true' : null);
    this._send.disabled = blocked !== '' || excess > 0 || this._field.value.trim() === '';
    this._hint.textContent =
      blocked || (excess > 0 ? `Too long by ${excess} characters.` : this._freeHint());
    this._counter.textContent =
      length >= COUNTER_FROM
        ? `${length.toLocaleString()} / ${MAX_CONTENT_LENGTH.toLocaleString()}`
        : '';
    this._grow();
  }

  focus(): void {
    this._field.focus({ preventScroll: true });
  }

  owns(target: unknown): boolean {
    return target === this._field;
  }

  async send(): Promise<void> {
    const { backend, perform } = this._context;
    const content = this._field.value;
    this.update();
    if (this._send.disabled) {
      return;
    }
    this._sending = true;
    this.update();
    const sent = await perform(() => backend.send(content));
    this._sending = false;
    if (sent) {
      this._field.value = '';
      this._keep('');
      this._sent();
    }
    this.update();
  }

  private _keep(draft: string): void {
    const { backend } = this._context;
    backend.memory.draft = draft;
    keepDraft(backend.state.sessionId, draft);
  }

  private _onKey(event: KeyboardEvent): void {
    // During composition Enter picks a candidate of the input method.
    if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      void this.send();
    }
  }

  private _blockedReason(): string {
    const { state } = this._context.backend;
    if (state.readOnly) {
      return 'This conversation is read-only now.';
    }
    if (state.connection.state === 'offline') {
      return 'Offline: your draft is kept.';
    }
    if (state.connection.state === 'connecting') {
      return 'Connecting…';
    }
    if (this._sending) {
      return 'Sending…';
    }
    return state.status === 'running'
      ? 'The workflow is working. Wait for its answer, or press Esc to stop it.'
      : '';
  }

  private _freeHint(): string {
    return this._context.backend.state.status === 'awaiting_input'
      ? 'Answer above. A new message here closes the open question instead.'
      : 'Enter to send, Shift+Enter for a new line';
  }

  private _grow(): void {
    if (this._field.scrollHeight > 0) {
      this._field.style.height = 'auto';
      this._field.style.height = `${Math.min(this._field.scrollHeight, MAX_HEIGHT)}px`;
    }
  }

  private readonly _field = h('textarea', {
    class: 'jp-FlowDrop-input',
    rows: 1,
    placeholder: 'Message the workflow…',
    'aria-label': 'Message'
  });
  private readonly _send = h(
    'button',
    {
      type: 'button',
      class: 'jp-FlowDrop-send',
      'aria-label': 'Send message',
      title: 'Send (Enter)'
    },
    icon('send')
  );
  private readonly _hint = h('span', { class: 'jp-FlowDrop-hint' });
  private readonly _counter = h('span', { class: 'jp-FlowDrop-counter', 'aria-live': 'polite' });
  private _sending = false;
}
