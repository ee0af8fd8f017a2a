/** Workflows and their sessions, read from the server and kept fresh while the panel shows. */
import { Poll } from '@lumino/polling';
import { type ISignal, Signal } from '@lumino/signaling';
import { toChatError } from '../chat/errors';
import type { ISession, IWorkflow } from '../chat/protocol';
import type { IReadOptions, RestClient } from '../rest/client';

/** Milliseconds between two readings. */
const INTERVAL = 5000;

/** With more workflows than this, each is read only once the person opens it. */
const OPEN_AT_FIRST = 8;

export interface IWorkflowEntry {
  readonly workflow: IWorkflow;
  readonly expanded: boolean;
  /** Newest first; null until they were read. */
  readonly sessions: readonly ISession[] | null;
  readonly error: string;
}

export type ListApi = Pick<RestClient, 'sessions' | 'workflows'>;

export class SessionsModel {
  constructor(
    private readonly _api: ListApi,
    isVisible: () => boolean
  ) {
    this._poll = new Poll({
      name: 'flowdrop-jupyter:sessions',
      auto: false,
      // A person's own refresh counts as activity of theirs, the rest does not.
      factory: state => this._read({ background: state.phase !== 'refreshed' }),
      frequency: { interval: INTERVAL, backoff: true, max: 60_000 },
      standby: () => !isVisible() || document.hidden
    });
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  get entries(): readonly IWorkflowEntry[] {
    return this._entries;
  }

  /** Why the list could not be read, empty when it could. */
  get error(): string {
    return this._error;
  }

  /** The first reading is over. */
  get loaded(): boolean {
    return this._loaded;
  }

  start(): void {
    void this._poll.start();
  }

  async refresh(): Promise<void> {
    await this._poll.refresh();
    // A failed reading shows in the panel itself.
    await this._poll.tick.catch(() => undefined);
  }

  setExpanded(workflowId: string, expanded: boolean): void {
    this._expanded.set(workflowId, expanded);
    this._entries = this._entries.map(entry =>
      entry.workflow.id === workflowId ? { ...entry, expanded } : entry
    );
    this._changed.emit();
    if (expanded) {
      void this.refresh();
    }
  }

  dispose(): void {
    this._poll.dispose();
    Signal.clearData(this);
  }

  private async _read(options: IReadOptions): Promise<void> {
    try {
      const workflows = await this._api.workflows(options);
      const few = workflows.length <= OPEN_AT_FIRST;
      const known = new Map(this._entries.map(entry => [entry.workflow.id, entry]));
      this._entries = await Promise.all(
        workflows.map(workflow => {
          const expanded = this._expanded.get(workflow.id) ?? few;
          const sessions = known.get(workflow.id)?.sessions ?? null;
          return this._readEntry({ workflow, expanded, sessions, error: '' }, options);
        })
      );
      this._error = '';
    } catch (reason) {
      this._error = toChatError(reason).message;
      throw reason;
    } finally {
      this._loaded = true;
      this._changed.emit();
    }
  }

  private async _readEntry(known: IWorkflowEntry, options: IReadOptions): Promise<IWorkflowEntry> {
    if (!known.expanded) {
      return known;
    }
    try {
      return { ...known, sessions: await this._api.sessions(known.workflow.id, options) };
    } catch (reason) {
      return { ...known, error: toChatError(reason).message };
    }
  }

  private readonly _poll: Poll;
  private readonly _changed = new Signal<this, void>(this);
  private readonly _expanded = new Map<string, boolean>();
  private _entries: readonly IWorkflowEntry[] = [];
  private _error = '';
  private _loaded = false;
}
