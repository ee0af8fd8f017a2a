/** A session as a tab in Lab's main area. */
import type { Message } from '@lumino/messaging';
import { Widget } from '@lumino/widgets';
import { ChatView } from '../chat/view';
import { RestBackend } from '../rest/backend';
import type { RestClient } from '../rest/client';
import { flowdropIcon } from './icon';

export class ChatWidget extends Widget {
  constructor(
    client: RestClient,
    readonly sessionId: string
  ) {
    super();
    this._backend = new RestBackend(client, sessionId, this._lifetime.signal);
    this._view = new ChatView(this._backend);
    this.addClass('jp-FlowDrop-chatTab');
    this.node.append(this._view.node);
    this.title.icon = flowdropIcon;
    this.title.label = 'FlowDrop session';
    this.title.closable = true;
    const unsubscribe = this._backend.subscribe(() => {
      this._updateTitle();
    });
    this._lifetime.signal.addEventListener('abort', unsubscribe, { once: true });
  }

  override dispose(): void {
    if (!this.isDisposed) {
      this._view.dispose();
      this._lifetime.abort();
      super.dispose();
    }
  }

  protected override onAfterAttach(message: Message): void {
    super.onAfterAttach(message);
    this._backend.setVisible(this.isVisible);
  }

  protected override onAfterShow(message: Message): void {
    super.onAfterShow(message);
    this._backend.setVisible(true);
  }

  protected override onAfterHide(message: Message): void {
    super.onAfterHide(message);
    this._backend.setVisible(false);
  }

  protected override onActivateRequest(message: Message): void {
    super.onActivateRequest(message);
    this._view.focus();
  }

  private _updateTitle(): void {
    const { sessionName, workflowName } = this._backend.state;
    this.title.label = sessionName || 'FlowDrop session';
    this.title.caption = workflowName ? `${workflowName}: ${sessionName}` : sessionName;
  }

  private readonly _lifetime = new AbortController();
  private readonly _backend: RestBackend;
  private readonly _view: ChatView;
}
