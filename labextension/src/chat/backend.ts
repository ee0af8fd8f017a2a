/** The seam between the chat view and whatever stands behind it: a kernel, a REST API or a test. */
import type { IMessage, SessionStatus } from './protocol';

export interface IConnection {
  readonly state: 'online' | 'connecting' | 'offline';
  /** One sentence for the person, empty when there is nothing to say. */
  readonly detail: string;
}

export interface IChatState {
  readonly sessionId: string;
  readonly sessionName: string;
  readonly workflowName: string;
  readonly status: SessionStatus;
  readonly connection: IConnection;
  /** No way back for this view: nothing can be sent and a retry cannot help. */
  readonly readOnly: boolean;
  /** The messages are here (or known to be none). */
  readonly loaded: boolean;
  readonly hasOlder: boolean;
}

/** What a view leaves behind for the next view on the same backend. */
export interface IViewMemory {
  draft: string;
  /** Where the focus was: nowhere in the chat, in the composer, or elsewhere, by message id if it was in one. */
  focus: 'none' | 'composer' | 'chat' | `message:${string}`;
  /** Whether the log follows new messages. */
  stuckToEnd: boolean;
  scrollTop: number;
  readonly openFolds: Set<string>;
  /** Unsent answers by interrupt id: a text, or the chosen option values. */
  readonly promptDrafts: Map<string, string | readonly string[]>;
}

export type ChatChange = 'state' | 'messages';

/**
 * One session as the view sees it.
 *
 * Every promise rejects with a ChatError whose `message` can be shown as it is.
 */
export interface IChatBackend {
  readonly state: IChatState;
  /** In display order; a row keeps its identity until it changes. */
  readonly messages: readonly IMessage[];
  readonly memory: IViewMemory;
  subscribe(listener: (change: ChatChange) => void): () => void;
  send(content: string): Promise<void>;
  answer(interruptId: string, value: unknown): Promise<void>;
  cancel(interruptId: string): Promise<void>;
  stop(): Promise<void>;
  retryConnection(): Promise<void>;
  loadOlder(): Promise<void>;
}
