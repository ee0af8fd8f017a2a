/** The top of the chat: what runs, how it is going, a way to stop it, and the state of the connection. */
import type { IViewContext } from './context';
import { h } from './dom';
import { icon } from './icons';
import { STATUS_LOOKS } from './status';

export class ChatHeader {
  readonly node: HTMLElement;
  /** Shown below the header while the connection is not what it should be. */
  readonly banner = h('div', { class: 'jp-FlowDrop-bannerRegion', role: 'status' });

  constructor(private readonly _context: IViewContext) {
    const { signal } = _context;
    this._stop = h(
      'button',
      { type: 'button', class: 'jp-FlowDrop-button jp-FlowDrop-stop', title: 'Stop the run (Esc)' },
      icon('stop'),
      this._stopLabel
    );
    this._stop.addEventListener('click', () => void this.stop(), { signal });
    this.node = h(
      'header',
      { class: 'jp-FlowDrop-header' },
      h('span', { class: 'jp-FlowDrop-badge' }, icon('drop')),
      h('div', { class: 'jp-FlowDrop-names' }, this._workflow, this._session),
      this._chip,
      this._stop
    );
    this.update();
  }

  update(): void {
    const { state } = this._context.backend;
    this._workflow.textContent = state.workflowName || 'FlowDrop workflow';
    this._session.textContent = state.sessionName;
    this._workflow.title = this._workflow.textContent;
    this._session.title = state.sessionName;
    if (this._chip.dataset.status !== state.status) {
      const look = STATUS_LOOKS[state.status];
      this._chip.dataset.status = state.status;
      this._chip.replaceChildren(icon(look.icon), h('span', {}, look.label));
    }
    this._stop.hidden = state.status !== 'running' || state.readOnly;
    this._updateBanner();
  }

  /** Ask for a stop, once, however often it is pressed. */
  async stop(): Promise<void> {
    if (this._stopping) {
      return;
    }
    this._stopping = true;
    this._stop.setAttribute('aria-disabled', 'true');
    this._stopLabel.textContent = 'Stopping…';
    await this._context.perform(() => this._context.backend.stop());
    this._stopping = false;
    this._stop.removeAttribute('aria-disabled');
    this._stopLabel.textContent = 'Stop';
  }

  private _updateBanner(): void {
    const { connection, readOnly } = this._context.backend.state;
    const shown = `${connection.state} ${String(readOnly)} ${connection.detail}`;
    if (shown === this._shownBanner) {
      return;
    }
    this._shownBanner = shown;
    this.banner.replaceChildren();
    if (
      connection.state === 'online' ||
      (connection.state === 'connecting' && !connection.detail)
    ) {
      return;
    }
    const offline = connection.state === 'offline';
    const text = connection.detail || 'The connection is lost.';
    const banner = h(
      'div',
      { class: 'jp-FlowDrop-banner', 'data-state': connection.state },
      icon(offline ? 'offline' : 'clock'),
      h('span', {}, text)
    );
    if (offline && !readOnly) {
      banner.append(this._retryButton());
    }
    this.banner.append(banner);
  }

  private _retryButton(): HTMLButtonElement {
    const retry = h('button', { type: 'button', class: 'jp-FlowDrop-plainButton' }, 'Retry');
    const { backend, perform, signal } = this._context;
    retry.addEventListener('click', () => void perform(() => backend.retryConnection()), {
      signal
    });
    return retry;
  }

  private readonly _workflow = h('span', { class: 'jp-FlowDrop-workflowName' });
  private readonly _session = h('span', { class: 'jp-FlowDrop-sessionName' });
  private readonly _chip = h('span', { class: 'jp-FlowDrop-chip', role: 'status' });
  private readonly _stopLabel = h('span', {}, 'Stop');
  private readonly _stop: HTMLButtonElement;
  private _stopping = false;
  private _shownBanner = '';
}
