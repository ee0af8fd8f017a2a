/** Requests and replies over the widget's custom messages: ids, time limits and a dead kernel. */
import { whenAborted } from '../chat/dom';
import { ChatError, errorFromWire } from '../chat/errors';
import { isRecord, type JsonRecord } from '../chat/json';
import type { IWidgetRequest, WidgetMethod } from '../chat/protocol';

/**
 * How long a reply may take, in milliseconds.
 *
 * An answer has no limit here: the server may hold its reply until the run pauses again.
 */
export const TIME_LIMITS: Readonly<Partial<Record<WidgetMethod, number>>> = {
  history: 10_000,
  reconnect: 15_000,
  send: 30_000,
  stop: 30_000
};

interface IWaiting {
  readonly method: WidgetMethod;
  readonly timer: ReturnType<typeof setTimeout> | undefined;
  resolve(result: unknown): void;
  reject(error: ChatError): void;
}

export class RequestChannel {
  /**
   * @param _send hands a request to the kernel; may throw when the kernel is gone.
   * @param _late receives a successful result that came after its time limit.
   */
  constructor(
    private readonly _send: (request: IWidgetRequest) => void,
    signal: AbortSignal,
    private readonly _late: (method: WidgetMethod, result: unknown) => void = () => undefined
  ) {
    whenAborted(signal, () => {
      this.failAll(new ChatError('The chat was closed.', 'CLOSED'));
    });
  }

  request(method: WidgetMethod, params: JsonRecord = {}): Promise<unknown> {
    this._count += 1;
    const id = `${this._prefix}-${this._count}`;
    return new Promise((resolve, reject) => {
      const limit = TIME_LIMITS[method];
      const timer =
        limit === undefined
          ? undefined
          : setTimeout(() => {
              this._expire(id, method, limit);
            }, limit);
      this._waiting.set(id, { method, timer, resolve, reject });
      try {
        this._send({ kind: 'request', id, method, params });
      } catch {
        this._take(id)?.reject(new ChatError('The kernel cannot be reached.', 'KERNEL_GONE'));
      }
    });
  }

  /** Take a message from the kernel; true when it was a reply to one of our requests. */
  receive(content: unknown): boolean {
    if (!isRecord(content) || content.kind !== 'response' || typeof content.id !== 'string') {
      return false;
    }
    const waiting = this._take(content.id);
    if (waiting) {
      if (content.ok === true) {
        waiting.resolve(content.result);
      } else {
        waiting.reject(errorFromWire(content.error));
      }
      return true;
    }
    const method = this._expired.get(content.id);
    if (method === undefined) {
      return false;
    }
    this._expired.delete(content.id);
    if (content.ok === true) {
      this._late(method, content.result);
    }
    return true;
  }

  failAll(error: ChatError): void {
    for (const id of [...this._waiting.keys()]) {
      this._take(id)?.reject(error);
    }
  }

  private _expire(id: string, method: WidgetMethod, limit: number): void {
    this._expired.set(id, method);
    this._take(id)?.reject(
      new ChatError(
        `The kernel has not answered within ${limit / 1000} seconds. It may be busy with a cell.`,
        'TIMEOUT'
      )
    );
  }

  private _take(id: string): IWaiting | undefined {
    const waiting = this._waiting.get(id);
    if (waiting) {
      clearTimeout(waiting.timer);
      this._waiting.delete(id);
    }
    return waiting;
  }

  // Replies reach every browser that shows this model, so ids must not repeat between them.
  private readonly _prefix = `${Date.now().toString(36)}-${Math.random().toString(36).slice(2)}`;
  private _count = 0;
  private readonly _waiting = new Map<string, IWaiting>();
  private readonly _expired = new Map<string, WidgetMethod>();
}
