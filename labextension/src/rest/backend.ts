/** A session seen through the REST API, kept fresh by polling while its tab and the page are in sight. */
import type { ChatChange, IChatBackend, IChatState } from '../chat/backend';
import { whenAborted } from '../chat/dom';
import { type ChatError, toChatError } from '../chat/errors';
import { isOpenInterrupt } from '../chat/interrupts';
import type { IMessage, IMessagePage, ISession, SessionStatus } from '../chat/protocol';
import { ChatStore } from '../chat/store';
import type { RestClient } from './client';

/** Milliseconds between polls. */
const WHILE_RUNNING = 1000;
const WHILE_QUIET = 4000;
const LONGEST_BACKOFF = 15_000;

/** So many failures in a row are "offline" rather than a hiccup. */
const OFFLINE_AFTER = 2;

/** What this backend needs of the REST client; a test can stand in. */
export type ChatApi = Pick<
  RestClient,
  'answer' | 'cancel' | 'messages' | 'post' | 'session' | 'stop' | 'workflow'
>;

export class RestBackend implements IChatBackend {
  constructor(
    private readonly _api: ChatApi,
    sessionId: string,
    private readonly _signal: AbortSignal
  ) {
    this._store = new ChatStore({ sessionId });
    const onPage = (): void => {
      this._onSight();
    };
    document.addEventListener('visibilitychange', onPage);
    whenAborted(_signal, () => {
      document.removeEventListener('visibilitychange', onPage);
      clearTimeout(this._timer);
    });
  }

  get state(): IChatState {
    return this._store.state;
  }

  get messages(): readonly IMessage[] {
    return this._store.messages;
  }

  get memory(): ChatStore['memory'] {
    return this._store.memory;
  }

  subscribe(listener: (change: ChatChange) => void): () => void {
    return this._store.subscribe(listener);
  }

  /** Poll only while the chat is on the screen; showing it again polls at once. */
  setVisible(visible: boolean): void {
    if (visible !== this._visible) {
      this._visible = visible;
      this._onSight();
    }
  }

  async send(content: string): Promise<void> {
    const row = await this._api.post(this.state.sessionId, content);
    this._store.upsert(row === null ? [] : [row]);
    // A turn begins: its end shows as a change of status, even if no poll ever sees it running.
    this._takeStatus('running');
    this._needsPage = true;
    void this.poll();
  }

  async answer(interruptId: string, value: unknown): Promise<void> {
    await this._closePrompt(() => this._api.answer(interruptId, value));
  }

  async cancel(interruptId: string): Promise<void> {
    await this._closePrompt(() => this._api.cancel(interruptId));
  }

  async stop(): Promise<void> {
    await this._api.stop(this.state.sessionId);
    this._needsPage = true;
    await this.poll();
  }

  async retryConnection(): Promise<void> {
    this._failures = 0;
    this._store.update({ connection: { state: 'connecting', detail: '' } });
    await this.poll();
  }

  async loadOlder(): Promise<void> {
    const first = this.messages[0];
    if (first) {
      const query = { before: first.sequenceNumber };
      const page = await this._api.messages(this.state.sessionId, query);
      this._store.upsert(page.messages);
      this._store.update({ hasOlder: page.hasOlder });
    }
  }

  /** Read what is new. Polls never overlap: a second call waits for the first and then reads again. */
  async poll(): Promise<void> {
    if (this._polling !== null) {
      this._again = true;
      await this._polling;
      return;
    }
    clearTimeout(this._timer);
    this._polling = this._pollUntilQuiet();
    await this._polling;
  }

  private async _pollUntilQuiet(): Promise<void> {
    do {
      this._again = false;
      await this._pollOnce();
    } while (this._wantsMore());
    // In one go with the last question for more: a call in between would wait for nothing.
    this._polling = null;
    this._schedule();
  }

  private _wantsMore(): boolean {
    return this._again && !this._signal.aborted;
  }

  /** The tab or the page has come into sight, or gone out of it. */
  private _onSight(): void {
    if (this._inSight()) {
      void this.poll();
    } else {
      clearTimeout(this._timer);
    }
  }

  private _inSight(): boolean {
    return this._visible && !document.hidden && !this._signal.aborted;
  }

  private async _pollOnce(): Promise<void> {
    try {
      if (this.state.workflowName === '') {
        await this._loadNames();
      }
      await this._readMessages();
      this._failures = 0;
      this._store.update({ connection: { state: 'online', detail: '' } });
    } catch (reason) {
      this._onFailure(toChatError(reason));
    }
  }

  private async _loadNames(): Promise<void> {
    const session: ISession = await this._api.session(this.state.sessionId);
    this._store.update({ sessionName: session.name });
    try {
      const workflow = await this._api.workflow(session.workflowId);
      this._store.update({ workflowName: workflow.name });
    } catch (reason) {
      // A deleted workflow leaves its sessions readable.
      if (toChatError(reason).status !== 404) {
        throw reason;
      }
      this._store.update({ workflowName: 'Deleted workflow' });
    }
  }

  private async _readMessages(): Promise<void> {
    const last = this.messages.at(-1);
    const whole = last === undefined || this._needsPage || this._mayHaveChanged();
    this._needsPage = false;
    const query = { background: true, ...(whole ? {} : { since: last.timestamp }) };
    const page = await this._api.messages(this.state.sessionId, query);
    this._takePage(page, last === undefined);
    if (page.sessionStatus !== null && this._takeStatus(page.sessionStatus) && !whole) {
      // Rows already shown change with the status, and `since` does not send them again.
      this._takePage(await this._api.messages(this.state.sessionId, { background: true }), false);
    }
  }

  private _takePage(page: IMessagePage, first: boolean): void {
    this._store.upsert(page.messages);
    this._store.update(first ? { loaded: true, hasOlder: page.hasOlder } : { loaded: true });
  }

  /** Open prompts and unfinished messages can be changed by another window. */
  private _mayHaveChanged(): boolean {
    return (
      this.state.status !== 'running' &&
      this.messages.some(row => isOpenInterrupt(row) || row.status === 'pending')
    );
  }

  /** True when the status is another than before. */
  private _takeStatus(status: SessionStatus): boolean {
    const changed = status !== this.state.status;
    this._store.update({ status });
    return changed;
  }

  private async _closePrompt(request: () => Promise<void>): Promise<void> {
    // The reply may be held until the run pauses again: poll meanwhile, so the work is seen.
    const reply = request();
    const early = setTimeout(() => {
      this._needsPage = true;
      void this.poll();
    }, WHILE_RUNNING / 2);
    try {
      await reply;
    } finally {
      clearTimeout(early);
      this._needsPage = true;
      void this.poll();
    }
  }

  private _onFailure(error: ChatError): void {
    this._failures += 1;
    if (error.status === 404) {
      this._store.update({
        readOnly: true,
        loaded: true,
        connection: { state: 'offline', detail: 'This session does not exist any more.' }
      });
    } else if (error.status !== null) {
      this._store.update({ connection: { state: 'offline', detail: error.message } });
    } else {
      const offline = this._failures >= OFFLINE_AFTER;
      const detail = offline ? error.message : 'Connecting to the server again…';
      this._store.update({ connection: { state: offline ? 'offline' : 'connecting', detail } });
    }
  }

  private _schedule(): void {
    clearTimeout(this._timer);
    if (!this._inSight() || this.state.readOnly) {
      return;
    }
    const usual = this.state.status === 'running' ? WHILE_RUNNING : WHILE_QUIET;
    const delay =
      this._failures === 0 ? usual : Math.min(WHILE_RUNNING * 2 ** this._failures, LONGEST_BACKOFF);
    this._timer = setTimeout(() => void this.poll(), delay);
  }

  private readonly _store: ChatStore;
  private _visible = false;
  private _polling: Promise<void> | null = null;
  private _again = false;
  private _needsPage = false;
  private _failures = 0;
  private _timer: ReturnType<typeof setTimeout> | undefined;
}
