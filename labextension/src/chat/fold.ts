/** Log messages between two other messages, folded into one line that can be opened. */
import type { IViewMemory } from './backend';
import { h } from './dom';
import { icon } from './icons';
import { asNumber, asText } from './json';
import type { IMessage } from './protocol';
import { durationText, timeElement } from './times';

export type LogItem =
  | { readonly kind: 'message'; readonly key: string; readonly message: IMessage }
  | { readonly kind: 'fold'; readonly key: string; readonly messages: readonly IMessage[] };

/** Group consecutive log messages; everything else stays on its own. */
export function foldLogs(messages: readonly IMessage[]): LogItem[] {
  const items: LogItem[] = [];
  let run: IMessage[] | null = null;
  for (const message of messages) {
    if (message.role !== 'log') {
      run = null;
      items.push({ kind: 'message', key: message.id, message });
    } else if (run !== null) {
      run.push(message);
    } else {
      run = [message];
      items.push({ kind: 'fold', key: `fold:${message.id}`, messages: run });
    }
  }
  return items;
}

/** The folded line. Its open state belongs to the view's memory. */
export class LogFold {
  readonly node: HTMLLIElement;

  constructor(key: string, memory: IViewMemory, signal: AbortSignal) {
    const details = h(
      'details',
      { class: 'jp-FlowDrop-fold', open: memory.openFolds.has(key) },
      h(
        'summary',
        { class: 'jp-FlowDrop-foldSummary' },
        icon('chevron'),
        this._count,
        this._last,
        this._trouble
      ),
      this._entries
    );
    details.addEventListener(
      'toggle',
      () => {
        if (details.open) {
          memory.openFolds.add(key);
        } else {
          memory.openFolds.delete(key);
        }
      },
      { signal }
    );
    this.node = h('li', { class: 'jp-FlowDrop-row jp-FlowDrop-row-fold' }, details);
  }

  update(messages: readonly IMessage[]): void {
    const last = messages.at(-1);
    const count = messages.length;
    this._count.textContent = count === 1 ? '1 log entry' : `${count} log entries`;
    this._last.textContent = last ? asText(last.metadata.nodeLabel) || last.content : '';
    const levels = messages.map(levelOf);
    const trouble = ['error', 'warning'].find(level => levels.includes(level));
    this._trouble.replaceChildren(...(trouble ? [icon('alert'), trouble] : []));
    this._trouble.dataset.level = trouble ?? '';
    // Entries only ever grow at the end, save for corrections: keep what is already drawn.
    messages.forEach((message, index) => {
      if (this._drawn[index] !== message) {
        const entry = logEntry(message);
        const old = this._entries.children[index];
        if (old) {
          old.replaceWith(entry);
        } else {
          this._entries.append(entry);
        }
      }
    });
    while (this._entries.children.length > count) {
      this._entries.lastElementChild?.remove();
    }
    this._drawn = messages;
  }

  private readonly _count = h('span', { class: 'jp-FlowDrop-foldCount' });
  private readonly _last = h('span', { class: 'jp-FlowDrop-foldLast' });
  private readonly _trouble = h('span', { class: 'jp-FlowDrop-level' });
  private readonly _entries = h('ol', { class: 'jp-FlowDrop-entries' });
  private _drawn: readonly IMessage[] = [];
}

function logEntry(message: IMessage): HTMLLIElement {
  const level = levelOf(message);
  const duration = asNumber(message.metadata.duration);
  const label = asText(message.metadata.nodeLabel);
  return h(
    'li',
    { class: 'jp-FlowDrop-entry' },
    timeElement(message.timestamp),
    h('span', { class: 'jp-FlowDrop-level', 'data-level': level }, level),
    h(
      'span',
      { class: 'jp-FlowDrop-entryText' },
      label ? h('strong', {}, `${label} `) : null,
      message.content
    ),
    duration === null ? null : h('span', { class: 'jp-FlowDrop-duration' }, durationText(duration))
  );
}

function levelOf(message: IMessage): string {
  return asText(message.metadata.level) || 'info';
}
