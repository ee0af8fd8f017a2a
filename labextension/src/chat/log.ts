/** The conversation: rows in order, redrawn only where something changed. */
import { messageRow, type IRow } from './bubble';
import type { IViewContext } from './context';
import { childController, h } from './dom';
import { foldLogs, LogFold, type LogItem } from './fold';
import { icon } from './icons';
import { asText } from './json';
import type { IMessage } from './protocol';
import { ScrollKeeper } from './scroll';

interface IDrawn {
  readonly node: HTMLLIElement;
  /** The message drawn; null for a fold, which updates itself. */
  readonly message: IMessage | null;
  readonly lifetime: AbortController;
  update(item: LogItem): void;
}

export class MessageLog {
  readonly node: HTMLElement;

  constructor(private readonly _context: IViewContext) {
    const { backend, perform, signal } = _context;
    this._older.addEventListener('click', () => void perform(() => backend.loadOlder()), {
      signal
    });
    this._jump.addEventListener(
      'click',
      () => {
        this._keeper.toEnd();
        this._scroller.focus({ preventScroll: true });
      },
      { signal }
    );
    const content = h(
      'div',
      { class: 'jp-FlowDrop-column' },
      this._older,
      this._empty,
      this._rows,
      this._busy
    );
    this._scroller = h(
      'div',
      {
        class: 'jp-FlowDrop-scroller',
        role: 'log',
        'aria-label': 'Conversation',
        'aria-live': 'polite',
        tabindex: 0
      },
      content
    );
    this._keeper = new ScrollKeeper(this._scroller, content, backend.memory, signal, () => {
      this._jump.hidden = this._keeper.stuck || backend.messages.length === 0;
    });
    this.node = h('div', { class: 'jp-FlowDrop-log' }, this._scroller, this._jump);
    this.update();
  }

  update(): void {
    const { messages, state } = this._context.backend;
    const items = foldLogs(messages);
    const first = items[0]?.key;
    const addedAbove = this._firstKey !== undefined && first !== this._firstKey;
    this._firstKey = first;
    // While the history loads nothing is announced; afterwards only what is new.
    this._scroller.setAttribute('aria-busy', state.loaded ? 'false' : 'true');
    this._keeper.during(() => {
      this._drawRows(items);
      this._drawBusy(messages);
      this._drawEmpty();
      this._older.hidden = !state.hasOlder;
    }, addedAbove);
  }

  /** Follow the conversation again, after the person wrote something. */
  follow(): void {
    this._keeper.toEnd();
  }

  /** Give the focus to a message, or to the whole conversation when it is not there any more. */
  focusMessage(id: string): void {
    const drawn = this._drawn.get(id);
    if (!drawn || !focusRow(drawn.node)) {
      this._scroller.focus({ preventScroll: true });
    }
  }

  private _drawRows(items: readonly LogItem[]): void {
    const keys = new Set(items.map(item => item.key));
    for (const [key, drawn] of this._drawn) {
      if (!keys.has(key)) {
        drawn.lifetime.abort();
        drawn.node.remove();
        this._drawn.delete(key);
      }
    }
    let previous: Element | null = null;
    for (const item of items) {
      const node = this._drawItem(item);
      const place: Element | null = previous
        ? previous.nextElementSibling
        : this._rows.firstElementChild;
      if (place !== node) {
        this._rows.insertBefore(node, place);
      }
      previous = node;
    }
  }

  private _drawItem(item: LogItem): HTMLLIElement {
    const known = this._drawn.get(item.key);
    if (known && (item.kind === 'fold' || known.message === item.message)) {
      known.update(item);
      return known.node;
    }
    const drawn = this._newRow(item);
    this._drawn.set(item.key, drawn);
    if (known) {
      known.lifetime.abort();
      known.node.before(drawn.node);
      if (known.node.contains(document.activeElement)) {
        // Before the old row goes, so that the focus never leaves the chat.
        focusRow(drawn.node);
      }
      known.node.remove();
    }
    return drawn.node;
  }

  private _newRow(item: LogItem): IDrawn {
    const lifetime = childController(this._context.signal);
    if (item.kind === 'fold') {
      const fold = new LogFold(item.key, this._context.backend.memory, lifetime.signal);
      fold.update(item.messages);
      return {
        node: fold.node,
        message: null,
        lifetime,
        update: next => {
          if (next.kind === 'fold') {
            fold.update(next.messages);
          }
        }
      };
    }
    const row: IRow = messageRow(item.message, this._context, lifetime.signal);
    return {
      node: row.node,
      message: item.message,
      lifetime,
      update: () => {
        row.update();
      }
    };
  }

  private _drawBusy(messages: readonly IMessage[]): void {
    const running = this._context.backend.state.status === 'running';
    this._busy.hidden = !running;
    if (running) {
      const last = messages.at(-1);
      const step = last?.role === 'log' ? asText(last.metadata.nodeLabel) : '';
      this._busyStep.textContent = step;
    }
  }

  private _drawEmpty(): void {
    const { messages, state } = this._context.backend;
    this._empty.hidden = messages.length > 0 || state.status === 'running';
    const waiting = !state.loaded && state.connection.state === 'connecting';
    this._emptyText.textContent = waiting
      ? 'Loading the conversation…'
      : 'No messages yet. Write the first one below.';
  }

  private readonly _rows = h('ol', { class: 'jp-FlowDrop-rows' });
  private readonly _older = h(
    'button',
    { type: 'button', class: 'jp-FlowDrop-button jp-FlowDrop-button-quiet jp-FlowDrop-older' },
    'Show earlier messages'
  );
  private readonly _emptyText = h('p', {});
  private readonly _empty = h(
    'div',
    { class: 'jp-FlowDrop-empty' },
    h('span', { class: 'jp-FlowDrop-badge' }, icon('drop')),
    this._emptyText
  );
  private readonly _busyStep = h('span', { class: 'jp-FlowDrop-busyStep' });
  // Hidden from assistive technology: the status chip already announces the same.
  private readonly _busy = h(
    'div',
    { class: 'jp-FlowDrop-busy', 'aria-hidden': 'true' },
    h('span', { class: 'jp-FlowDrop-dots' }, h('i'), h('i'), h('i')),
    h('span', {}, 'Working…'),
    this._busyStep
  );
  private readonly _jump = h(
    'button',
    { type: 'button', class: 'jp-FlowDrop-jump', hidden: true },
    icon('down'),
    'Latest messages'
  );
  private readonly _scroller: HTMLElement;
  private readonly _keeper: ScrollKeeper;
  private readonly _drawn = new Map<string, IDrawn>();
  private _firstKey: string | undefined;
}

/** Focus what a row has to offer; false when nothing in it takes the focus. */
function focusRow(row: HTMLElement): boolean {
  const target = row.querySelector<HTMLElement>('[tabindex="-1"]');
  target?.focus({ preventScroll: true });
  return target !== null;
}
