/** Stand-ins for what lies behind the view: rows, a backend and a widget model. */
import type { ChatChange, IChatBackend, IChatState } from '../src/chat/backend';
import type { JsonRecord } from '../src/chat/json';
import { type IMessage, type IWidgetRequest, parseMessage } from '../src/chat/protocol';
import { ChatStore } from '../src/chat/store';
import type { IAnyModel } from '../src/widget/model';

export function message(sequenceNumber: number, values: Partial<IMessage> = {}): IMessage {
  return parseMessage({
    id: `m${sequenceNumber}`,
    sessionId: 's1',
    role: 'assistant',
    content: `message ${sequenceNumber}`,
    timestamp: `2026-01-01T00:00:${String(sequenceNumber).padStart(2, '0')}.000000Z`,
    status: 'completed',
    sequenceNumber,
    nodeId: null,
    ...values
  })!;
}

export function prompt(
  sequenceNumber: number,
  metadata: JsonRecord = {},
  values: Partial<IMessage> = {}
): IMessage {
  return message(sequenceNumber, {
    status: 'pending',
    content: 'Go on?',
    ...values,
    metadata: {
      type: 'interrupt_request',
      interrupt_id: 'i1',
      interrupt_type: 'confirmation',
      ...metadata
    }
  });
}

/** Records what it is asked; `outcome` decides how the request ends. */
export class FakeBackend implements IChatBackend {
  readonly store: ChatStore;
  readonly calls: [string, ...unknown[]][] = [];
  outcome: () => Promise<void> = () => Promise.resolve();

  constructor(rows: readonly IMessage[] = [], state: Partial<IChatState> = {}) {
    this.store = new ChatStore({
      sessionId: 's1',
      sessionName: 'First session',
      workflowName: 'Demo workflow',
      connection: { state: 'online', detail: '' },
      loaded: true,
      ...state
    });
    this.store.upsert(rows);
  }

  get state(): IChatState {
    return this.store.state;
  }

  get messages(): readonly IMessage[] {
    return this.store.messages;
  }

  get memory(): ChatStore['memory'] {
    return this.store.memory;
  }

  subscribe(listener: (change: ChatChange) => void): () => void {
    return this.store.subscribe(listener);
  }

  send(content: string): Promise<void> {
    return this._note('send', content);
  }

  answer(interruptId: string, value: unknown): Promise<void> {
    return this._note('answer', interruptId, value);
  }

  cancel(interruptId: string): Promise<void> {
    return this._note('cancel', interruptId);
  }

  stop(): Promise<void> {
    return this._note('stop');
  }

  retryConnection(): Promise<void> {
    return this._note('retryConnection');
  }

  loadOlder(): Promise<void> {
    return this._note('loadOlder');
  }

  private _note(...call: [string, ...unknown[]]): Promise<void> {
    this.calls.push(call);
    return this.outcome();
  }
}

/** A widget model whose kernel is the test. */
export class FakeModel implements IAnyModel {
  readonly sent: unknown[] = [];
  comm_live?: boolean;

  constructor(readonly traits: Record<string, unknown> = {}) {}

  get(name: string): unknown {
    return this.traits[name];
  }

  set(name: string, value: unknown): void {
    this.traits[name] = value;
    this.emit(`change:${name}`);
  }

  send(content: unknown): void {
    this.sent.push(content);
  }

  on(name: string, callback: (...values: unknown[]) => void): void {
    this._listeners.set(name, [...(this._listeners.get(name) ?? []), callback]);
  }

  off(name: string, callback: (...values: unknown[]) => void): void {
    const rest = (this._listeners.get(name) ?? []).filter(each => each !== callback);
    this._listeners.set(name, rest);
  }

  emit(name: string, ...values: unknown[]): void {
    for (const callback of this._listeners.get(name) ?? []) {
      callback(...values);
    }
  }

  get listenerCount(): number {
    return [...this._listeners.values()].flat().length;
  }

  /** The newest request of a method. */
  request(method: string): IWidgetRequest {
    return this.requests()
      .filter(request => request.method === method)
      .at(-1)!;
  }

  requests(): IWidgetRequest[] {
    return this.sent.filter(
      (each): each is IWidgetRequest => (each as { kind: string }).kind === 'request'
    );
  }

  reply(request: IWidgetRequest, result: unknown = {}): void {
    this.emit('msg:custom', { kind: 'response', id: request.id, ok: true, result });
  }

  refuse(request: IWidgetRequest, text: string, code: string): void {
    const error = { message: text, code };
    this.emit('msg:custom', { kind: 'response', id: request.id, ok: false, error });
  }

  private readonly _listeners = new Map<string, ((...values: unknown[]) => void)[]>();
}
