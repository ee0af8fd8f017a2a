/** What every part of a chat view shares. */
import type { IChatBackend } from './backend';

export interface IViewContext {
  readonly backend: IChatBackend;
  /** Ends with the view; every listener and timer hangs off it. */
  readonly signal: AbortSignal;
  /** Run what the person asked for. A refusal is shown in the alert line and gives false. */
  readonly perform: (action: () => Promise<void>) => Promise<boolean>;
}

/** Whether the backend can be asked for anything at the moment. */
export function canAct(backend: IChatBackend): boolean {
  return !backend.state.readOnly && backend.state.connection.state === 'online';
}
