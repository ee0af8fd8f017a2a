/** Rows and wire messages, as the server and the kernel send them. */
import { asList, asNumber, asRecord, asText, asWord, isRecord, type JsonRecord } from './json';

export const SESSION_STATUSES = [
  'idle',
  'running',
  'awaiting_input',
  'completed',
  'failed'
] as const;
export type SessionStatus = (typeof SESSION_STATUSES)[number];

export const MESSAGE_ROLES = ['user', 'assistant', 'system', 'log'] as const;
export type MessageRole = (typeof MESSAGE_ROLES)[number];

export const MESSAGE_STATUSES = ['pending', 'processing', 'completed', 'failed'] as const;
export type MessageStatus = (typeof MESSAGE_STATUSES)[number];

/** The longest message that the server accepts, in characters. */
export const MAX_CONTENT_LENGTH = 10_000;

export interface IWorkflow {
  readonly id: string;
  readonly name: string;
  readonly description: string;
}

export interface ISession {
  readonly id: string;
  readonly workflowId: string;
  readonly name: string;
  readonly status: SessionStatus;
  readonly createdAt: string;
  readonly updatedAt: string;
}

export interface IMessage {
  readonly id: string;
  readonly sessionId: string;
  readonly role: MessageRole;
  readonly content: string;
  readonly timestamp: string;
  readonly status: MessageStatus;
  readonly sequenceNumber: number;
  readonly nodeId: string | null;
  readonly metadata: JsonRecord;
}

export interface IMessagePage {
  readonly messages: readonly IMessage[];
  readonly hasOlder: boolean;
  readonly sessionStatus: SessionStatus | null;
}

export type WidgetMethod = 'history' | 'send' | 'answer' | 'cancel' | 'stop' | 'reconnect';

export interface IWidgetRequest {
  readonly kind: 'request';
  readonly id: string;
  readonly method: WidgetMethod;
  readonly params: JsonRecord;
}

export interface IWidgetResponse {
  readonly kind: 'response';
  readonly id: string;
  readonly ok: boolean;
  readonly result?: unknown;
  readonly error?: { readonly message: string; readonly code: string };
}

export interface IWidgetPush {
  readonly kind: 'messages';
  readonly upsert: readonly unknown[];
}

export interface IWidgetViewNotice {
  readonly kind: 'view';
  /** Tells views apart, also those of other browsers. */
  readonly view: string;
  readonly state: 'attached' | 'alive' | 'detached' | 'focus' | 'blur';
}

/** Read a message row; null when it cannot be shown at all. */
export function parseMessage(value: unknown): IMessage | null {
  if (!isRecord(value) || typeof value.id !== 'string' || value.id === '') {
    return null;
  }
  return {
    id: value.id,
    sessionId: asText(value.sessionId),
    role: asWord(value.role, MESSAGE_ROLES, 'system'),
    content: asText(value.content),
    timestamp: asText(value.timestamp),
    status: asWord(value.status, MESSAGE_STATUSES, 'completed'),
    sequenceNumber: asNumber(value.sequenceNumber) ?? 0,
    nodeId: typeof value.nodeId === 'string' ? value.nodeId : null,
    metadata: asRecord(value.metadata)
  };
}

export function parseMessages(value: unknown): IMessage[] {
  return asList(value)
    .map(parseMessage)
    .filter(row => row !== null);
}

export function parseSession(value: unknown): ISession | null {
  if (!isRecord(value) || typeof value.id !== 'string') {
    return null;
  }
  return {
    id: value.id,
    workflowId: asText(value.workflowId),
    name: asText(value.name) || 'Untitled session',
    status: asWord(value.status, SESSION_STATUSES, 'idle'),
    createdAt: asText(value.createdAt),
    updatedAt: asText(value.updatedAt)
  };
}

export function parseWorkflow(value: unknown): IWorkflow | null {
  if (!isRecord(value) || typeof value.id !== 'string') {
    return null;
  }
  return {
    id: value.id,
    name: asText(value.name) || value.id,
    description: asText(value.description)
  };
}
