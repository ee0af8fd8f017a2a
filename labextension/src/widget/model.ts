/** The little of anywidget's model that the widget needs. */

export interface IAnyModel {
  get(name: string): unknown;
  send(content: unknown): void;
  on(name: string, callback: (...values: unknown[]) => void): void;
  off(name: string, callback: (...values: unknown[]) => void): void;
  /** Present on ipywidgets' own models; anywidget's proxy does not show it. */
  readonly comm_live?: boolean;
}

/** Listen to a model event for as long as the signal lives. */
export function listen(
  model: IAnyModel,
  name: string,
  callback: (...values: unknown[]) => void,
  signal: AbortSignal
): void {
  model.on(name, callback);
  signal.addEventListener(
    'abort',
    () => {
      model.off(name, callback);
    },
    { once: true }
  );
}
