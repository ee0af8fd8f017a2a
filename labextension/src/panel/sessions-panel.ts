/** The side panel: workflows, their sessions, and a way to start another. */
import { addIcon, caretDownIcon, caretRightIcon, refreshIcon } from '@jupyterlab/ui-components';
import type { Message } from '@lumino/messaging';
import { Widget } from '@lumino/widgets';
import { h, uniqueId } from '../chat/dom';
import { icon } from '../chat/icons';
import type { ISession } from '../chat/protocol';
import { STATUS_LOOKS } from '../chat/status';
import { agoText } from '../chat/times';
import { flowdropIcon } from './icon';
import type { IWorkflowEntry, SessionsModel } from './sessions-model';

export interface IPanelActions {
  readonly openSession: (sessionId: string) => void;
  readonly newSession: (workflowId: string) => void;
  readonly refresh: () => void;
}

export class SessionsPanel extends Widget {
  constructor(
    private readonly _model: SessionsModel,
    private readonly _actions: IPanelActions
  ) {
    super();
    this.id = 'flowdrop-sessions';
    this.title.icon = flowdropIcon;
    this.title.caption = 'FlowDrop';
    this.addClass('jp-FlowDrop-panel');
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', 'FlowDrop sessions');
    const refresh = h(
      'button',
      {
        type: 'button',
        class: 'jp-FlowDrop-iconButton',
        title: 'Refresh',
        'aria-label': 'Refresh the list'
      },
      refreshIcon.element({ tag: 'span' })
    );
    this._on(refresh, () => {
      this._actions.refresh();
    });
    this.node.append(
      h(
        'header',
        { class: 'jp-FlowDrop-panelHeader' },
        h('h2', { class: 'jp-FlowDrop-panelTitle' }, 'FlowDrop'),
        refresh
      ),
      this._notice,
      this._list
    );
    _model.changed.connect(() => {
      this._draw();
    }, this);
    this._draw();
  }

  override dispose(): void {
    if (!this.isDisposed) {
      this._model.dispose();
      super.dispose();
    }
  }

  protected override onAfterShow(message: Message): void {
    super.onAfterShow(message);
    this._model.start();
    this._actions.refresh();
  }

  protected override onActivateRequest(message: Message): void {
    super.onActivateRequest(message);
    (this._list.querySelector('button') ?? this.node.querySelector('button'))?.focus();
  }

  private _draw(): void {
    const { entries, error, loaded } = this._model;
    this._drawNotice(error, loaded, entries.length);
    // Times are drawn in words, so the whole list may change without new data; it is short.
    const shown = JSON.stringify([entries, Math.floor(Date.now() / 30_000)]);
    if (shown === this._shown) {
      return;
    }
    this._shown = shown;
    const focused = this._focusKey();
    const scrolled = this._list.scrollTop;
    this._list.replaceChildren(...entries.map(entry => this._workflowItem(entry)));
    this._list.scrollTop = scrolled;
    if (focused !== null) {
      this._list.querySelector<HTMLElement>(`[data-key="${CSS.escape(focused)}"]`)?.focus();
    }
  }

  private _drawNotice(error: string, loaded: boolean, count: number): void {
    const empty =
      'No workflows yet. In a notebook, run %load_ext flowdrop_jupyter and %flowdrop example.';
    const text = error || (!loaded ? 'Loading…' : count === 0 ? empty : '');
    this._notice.hidden = text === '';
    this._notice.dataset.level = error ? 'error' : '';
    if (this._notice.textContent !== text) {
      this._notice.replaceChildren(...(error ? [icon('alert')] : []), h('span', {}, text));
    }
  }

  private _workflowItem(entry: IWorkflowEntry): HTMLLIElement {
    const { workflow, expanded } = entry;
    const regionId = uniqueId('sessions');
    const toggle = h(
      'button',
      {
        type: 'button',
        class: 'jp-FlowDrop-workflowToggle',
        'aria-expanded': expanded ? 'true' : 'false',
        'aria-controls': regionId,
        title: workflow.description || workflow.name,
        'data-key': `workflow:${workflow.id}`
      },
      (expanded ? caretDownIcon : caretRightIcon).element({ tag: 'span' }),
      h('span', { class: 'jp-FlowDrop-panelName' }, workflow.name)
    );
    this._on(toggle, () => {
      this._model.setExpanded(workflow.id, !expanded);
    });
    const create = h(
      'button',
      {
        type: 'button',
        class: 'jp-FlowDrop-iconButton',
        title: 'New session',
        'aria-label': `New session of ${workflow.name}`,
        'data-key': `new:${workflow.id}`
      },
      addIcon.element({ tag: 'span' })
    );
    this._on(create, () => {
      this._actions.newSession(workflow.id);
    });
    const sessions = h('div', { id: regionId, hidden: !expanded }, ...this._sessionsPart(entry));
    return h(
      'li',
      { class: 'jp-FlowDrop-workflow' },
      h('div', { class: 'jp-FlowDrop-workflowRow' }, toggle, create),
      sessions
    );
  }

  private _sessionsPart(entry: IWorkflowEntry): Node[] {
    const parts: Node[] = [];
    if (entry.error) {
      parts.push(h('p', { class: 'jp-FlowDrop-panelHint' }, entry.error));
    }
    if (entry.sessions === null) {
      parts.push(...(entry.error ? [] : [h('p', { class: 'jp-FlowDrop-panelHint' }, 'Loading…')]));
    } else if (entry.sessions.length === 0) {
      parts.push(h('p', { class: 'jp-FlowDrop-panelHint' }, 'No sessions yet.'));
    } else {
      const items = entry.sessions.map(session => this._sessionItem(session));
      parts.push(h('ul', { class: 'jp-FlowDrop-sessions' }, ...items));
    }
    return parts;
  }

  private _sessionItem(session: ISession): HTMLLIElement {
    const look = STATUS_LOOKS[session.status];
    const ago = agoText(session.updatedAt, Date.now());
    const open = h(
      'button',
      {
        type: 'button',
        class: 'jp-FlowDrop-session',
        title: `Open ${session.name}`,
        'data-key': `session:${session.id}`,
        'data-status': session.status
      },
      icon(look.icon),
      h(
        'span',
        { class: 'jp-FlowDrop-sessionText' },
        h('span', { class: 'jp-FlowDrop-panelName' }, session.name),
        h('span', { class: 'jp-FlowDrop-panelMeta' }, look.label, ago ? ` · ${ago}` : '')
      )
    );
    this._on(open, () => {
      this._actions.openSession(session.id);
    });
    return h('li', {}, open);
  }

  private _focusKey(): string | null {
    const active = document.activeElement;
    return active instanceof HTMLElement && this._list.contains(active)
      ? (active.dataset.key ?? null)
      : null;
  }

  private _on(button: HTMLButtonElement, action: () => void): void {
    // A property, not addEventListener: the list is redrawn often and its buttons take theirs with them.
    button.onclick = action;
  }

  private readonly _notice = h('p', { class: 'jp-FlowDrop-panelNotice', role: 'status' });
  private readonly _list = h('ul', { class: 'jp-FlowDrop-workflows', 'aria-label': 'Workflows' });
  private _shown = '';
}
