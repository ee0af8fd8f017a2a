/**
 * Signs of life of a view: the kernel keeps up with a quiet session only while it gets them.
 *
 * A closed tab says nothing, so silence has to mean that nobody is there. Each sign is a message to the
 * kernel and counts as activity there: a page that nobody uses must not send any, or an idle server
 * would never be culled.
 */
import type { IWidgetViewNotice } from '../chat/protocol';
import { whenAborted } from '../chat/dom';

export type ViewState = IWidgetViewNotice['state'];
export type Notify = (state: ViewState) => void;

/** Milliseconds between two signs of life; the kernel forgets a view after a minute. */
export const SIGN_EVERY = 20_000;

/** Milliseconds that a person counts as present after they last touched the page. */
export const PRESENT_FOR = 300_000;

const TOUCHES = ['pointermove', 'pointerdown', 'keydown', 'wheel', 'focus'] as const;

/** Say `alive` for as long as the page is in sight and in use, and at once when somebody comes back. */
export function reportPresence(notify: Notify, signal: AbortSignal): void {
  let touched = Date.now();
  let said = Date.now();
  const say = (): void => {
    said = Date.now();
    notify('alive');
  };
  const onTouch = (): void => {
    touched = Date.now();
    if (!document.hidden && touched - said > SIGN_EVERY) {
      say();
    }
  };
  const timer = setInterval(() => {
    if (!document.hidden && Date.now() - touched <= PRESENT_FOR) {
      say();
    }
  }, SIGN_EVERY);
  for (const name of TOUCHES) {
    window.addEventListener(name, onTouch, { signal, capture: true, passive: true });
  }
  document.addEventListener('visibilitychange', onTouch, { signal });
  whenAborted(signal, () => {
    clearInterval(timer);
  });
}
