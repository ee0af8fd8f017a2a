/** Errors that a person can read: a plain message and a stable code. */
import { asText, isRecord } from './json';

/** Raised when the server, the kernel or the connection refuses what was asked for. */
export class ChatError extends Error {
  constructor(
    message: string,
    readonly code: string,
    /** HTTP status, where there was one. */
    readonly status: number | null = null
  ) {
    super(message);
    this.name = 'ChatError';
  }
}

/** Turn anything thrown into a ChatError. */
export function toChatError(reason: unknown): ChatError {
  if (reason instanceof ChatError) {
    return reason;
  }
  if (reason instanceof Error) {
    return new ChatError(reason.message || 'Something went wrong.', 'UNEXPECTED');
  }
  return new ChatError(asText(reason, 'Something went wrong.'), 'UNEXPECTED');
}

/** Read `{message, code}` as sent by the kernel side. */
export function errorFromWire(value: unknown): ChatError {
  if (!isRecord(value)) {
    return new ChatError(asText(value, 'The request failed.'), 'UNEXPECTED');
  }
  return new ChatError(
    asText(value.message, 'The request failed.'),
    asText(value.code, 'UNEXPECTED')
  );
}
