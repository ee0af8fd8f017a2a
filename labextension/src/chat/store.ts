/** State and ordered messages of one session, with change notices; both backends keep one. */
import type { ChatChange, IChatState, IViewMemory } from './backend';
import type { IMessage } from './protocol';

export class ChatStore {
  readonly memory: IViewMemory = {
    draft: '',
    focus: 'none',
    stuckToEnd: true,
    scrollTop: 0,
    openFolds: new Set(),
    promptDrafts: new Map()
  };

  constructor(initial: Partial<IChatState> = {}) {
    this._state = {
      sessionId: '',
      sessionName: '',
      workflowName: '',
      status: 'idle',
      connection: { state: 'connecting', detail: '' },
      readOnly: false,
      loaded: false,
      hasOlder: false,
      ...initial
    };
  }

  get state(): IChatState {
    return this._state;
  }

  get messages(): readonly IMessage[] {
    return this._ordered;
  }

  subscribe(listener: (change: ChatChange) => void): () => void {
    this._listeners.add(listener);
    return () => {
      this._listeners.delete(listener);
    };
  }

  /** Change some of the state; listeners hear of it only when something is different. */
  update(patch: Partial<IChatState>): void {
    const next = { ...this._state, ...patch };
    if (JSON.stringify(next) !== JSON.stringify(this._state)) {
      this._state = next;
      this._emit('state');
    }
  }

  /** Replace rows by id or insert them. Unchanged rows keep their identity, so nothing is drawn twice. */
  upsert(rows: readonly IMessage[]): void {
    let changed = false;
    for (const row of rows) {
      const known = this._byId.get(row.id);
      if (known === undefined || JSON.stringify(known) !== JSON.stringify(row)) {
        this._byId.set(row.id, row);
        changed = true;
      }
    }
    if (changed) {
      this._ordered = [...this._byId.values()].sort(byDisplayOrder);
      this._emit('messages');
    }
  }

  /** Forget all rows, for a conversation that was emptied or replaced. */
  clear(): void {
    this._byId.clear();
    this._ordered = [];
    this._emit('messages');
  }

  private _emit(change: ChatChange): void {
    for (const listener of [...this._listeners]) {
      listener(change);
    }
  }

  private _state: IChatState;
  private _ordered: readonly IMessage[] = [];
  private readonly _byId = new Map<string, IMessage>();
  private readonly _listeners = new Set<(change: ChatChange) => void>();
}

/** By sequence number, then time as text, then id: the order of the official client. */
export function byDisplayOrder(a: IMessage, b: IMessage): number {
  return (
    a.sequenceNumber - b.sequenceNumber ||
    compareText(a.timestamp, b.timestamp) ||
    compareText(a.id, b.id)
  );
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
