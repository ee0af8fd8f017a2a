/** A session seen through the widget's model: traits carry the state, custom messages the rest. */
import type { ChatChange, IChatBackend, IChatState, IConnection } from '../chat/backend';
import { ChatError, toChatError } from '../chat/errors';
import { asRecord, asText, asWord, isRecord } from '../chat/json';
import {
  type IWidgetViewNotice,
  parseMessages,
  SESSION_STATUSES,
  type WidgetMethod
} from '../chat/protocol';
import { ChatStore } from '../chat/store';
import { RequestChannel } from './channel';
import { type IAnyModel, listen } from './model';

export const KERNEL_GONE =
  'The kernel is not running. Run the cell again to continue; nothing is lost.';

const TRAITS = [
  'session_id',
  'session_name',
  'workflow_id',
  'workflow_name',
  'status',
  'connection'
] as const;

const CONNECTION_STATES = ['online', 'connecting', 'offline'] as const;

export class ModelBackend implements IChatBackend {
  constructor(
    private readonly _model: IAnyModel,
    signal: AbortSignal
  ) {
    this._channel = new RequestChannel(
      request => {
        _model.send(request);
      },
      signal,
      (method, result) => {
        this._onLate(method, result);
      }
    );
    for (const trait of TRAITS) {
      listen(
        _model,
        `change:${trait}`,
        () => {
          this._onTrait(trait);
        },
        signal
      );
    }
    listen(
      _model,
      'msg:custom',
      content => {
        this._onMessage(content);
      },
      signal
    );
    listen(
      _model,
      'comm_live_update',
      () => {
        this._onLiveUpdate();
      },
      signal
    );
    listen(
      _model,
      'comm:close',
      () => {
        this._onKernelGone();
      },
      signal
    );
    this._sessionId = asText(_model.get('session_id'));
    this._kernelGone = _model.comm_live === false;
    this._readTraits();
    if (!this._kernelGone) {
      // In the background: anywidget delivers no message before `initialize` has returned.
      void this._loadHistory().catch(() => undefined);
    }
  }

  get state(): IChatState {
    return this._store.state;
  }

  get messages(): ChatStore['messages'] {
    return this._store.messages;
  }

  get memory(): ChatStore['memory'] {
    return this._store.memory;
  }

  subscribe(listener: (change: ChatChange) => void): () => void {
    return this._store.subscribe(listener);
  }

  async send(content: string): Promise<void> {
    await this._request('send', { content });
  }

  async answer(interruptId: string, value: unknown): Promise<void> {
    await this._request('answer', { interruptId, value });
  }

  async cancel(interruptId: string): Promise<void> {
    await this._request('cancel', { interruptId });
  }

  async stop(): Promise<void> {
    await this._request('stop');
  }

  async retryConnection(): Promise<void> {
    await this._request('reconnect');
    await this._loadHistory();
  }

  /** The history comes whole. */
  loadOlder(): Promise<void> {
    return Promise.resolve();
  }

  /** Tell the kernel about a view, which lets it poll only while someone looks. */
  notify(view: string, state: IWidgetViewNotice['state']): void {
    if (this._kernelGone) {
      return;
    }
    try {
      this._model.send({ kind: 'view', view, state } satisfies IWidgetViewNotice);
    } catch {
      // A notice is a courtesy; a dead kernel shows itself elsewhere.
    }
  }

  private async _request(method: WidgetMethod, params = {}): Promise<unknown> {
    if (this._kernelGone) {
      throw new ChatError(KERNEL_GONE, 'KERNEL_GONE');
    }
    return await this._channel.request(method, params);
  }

  private async _loadHistory(): Promise<void> {
    try {
      this._takeHistory(await this._request('history'));
    } catch (reason) {
      const error = toChatError(reason);
      if (error.code !== 'CLOSED' && error.code !== 'KERNEL_GONE') {
        this._historyTrouble = error.message;
        this._readTraits();
      }
      throw error;
    }
  }

  private _takeHistory(result: unknown): void {
    this._historyTrouble = '';
    this._store.upsert(parseMessages(asRecord(result).messages));
    this._store.update({ loaded: true });
    this._readTraits();
  }

  private _onLate(method: WidgetMethod, result: unknown): void {
    this._onKernelAlive();
    if (method === 'history') {
      this._takeHistory(result);
    }
  }

  private _onMessage(content: unknown): void {
    this._onKernelAlive();
    if (!this._channel.receive(content) && isRecord(content) && content.kind === 'messages') {
      this._store.upsert(parseMessages(content.upsert));
    }
  }

  private _onTrait(trait: (typeof TRAITS)[number]): void {
    this._onKernelAlive();
    const sessionId = asText(this._model.get('session_id'));
    if (trait === 'session_id' && sessionId !== this._sessionId) {
      const first = this._sessionId === '';
      this._sessionId = sessionId;
      if (!first) {
        this._store.clear();
        this._store.update({ loaded: false });
      }
      void this._loadHistory().catch(() => undefined);
    }
    this._readTraits();
  }

  private _readTraits(): void {
    const { _model: model } = this;
    this._store.update({
      sessionId: asText(model.get('session_id')),
      sessionName: asText(model.get('session_name')),
      workflowName: asText(model.get('workflow_name')) || asText(model.get('workflow_id')),
      status: asWord(model.get('status'), SESSION_STATUSES, 'idle'),
      connection: this._connection(),
      readOnly: this._kernelGone
    });
  }

  private _connection(): IConnection {
    if (this._kernelGone) {
      return { state: 'offline', detail: KERNEL_GONE };
    }
    if (this._historyTrouble !== '') {
      return { state: 'offline', detail: this._historyTrouble };
    }
    const sent = asRecord(this._model.get('connection'));
    return {
      state: asWord(sent.state, CONNECTION_STATES, 'connecting'),
      detail: asText(sent.detail)
    };
  }

  /**
   * The comm's life changed, and anywidget's proxy may not say which way. Believe the worst and ask:
   * an answer from the kernel proves the contrary.
   */
  private _onLiveUpdate(): void {
    if (this._model.comm_live === true) {
      this._onKernelAlive();
      return;
    }
    this._onKernelGone();
    if (this._model.comm_live === undefined) {
      this._channel.request('history').then(
        result => {
          this._takeHistory(result);
        },
        () => undefined
      );
    }
  }

  private _onKernelGone(): void {
    this._kernelGone = true;
    this._channel.failAll(new ChatError(KERNEL_GONE, 'KERNEL_GONE'));
    this._readTraits();
  }

  private _onKernelAlive(): void {
    if (this._kernelGone) {
      this._kernelGone = false;
      this._readTraits();
    }
  }

  private readonly _store = new ChatStore();
  private readonly _channel: RequestChannel;
  private _kernelGone: boolean;
  private _historyTrouble = '';
  private _sessionId: string;
}
