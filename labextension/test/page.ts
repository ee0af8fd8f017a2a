/** A page for tests: jsdom's globals, made anew for each test. */
import { JSDOM } from 'jsdom';

const NAMES = [
  'window',
  'document',
  'AbortController',
  'AbortSignal',
  'Node',
  'Element',
  'HTMLElement',
  'Event',
  'KeyboardEvent',
  'FocusEvent',
  'InputEvent',
  'requestAnimationFrame'
] as const;

export function openPage(): HTMLElement {
  const { window } = new JSDOM('<!doctype html><body><main id="host"></main></body>', {
    pretendToBeVisual: true,
    url: 'http://localhost:8888/lab'
  });
  for (const name of NAMES) {
    const value: unknown = window[name];
    Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
  }
  return document.getElementById('host')!;
}

/** As when the person turns to another tab of the browser, or comes back. */
export function setPageHidden(hidden: boolean): void {
  Object.defineProperty(document, 'hidden', { value: hidden, configurable: true });
  document.dispatchEvent(new Event('visibilitychange'));
}

/** Let promise callbacks run, however long their chain. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) {
    await Promise.resolve();
  }
}

export function press(target: Element, key: string, more: KeyboardEventInit = {}): KeyboardEvent {
  const event = new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true, ...more });
  target.dispatchEvent(event);
  return event;
}

export function type(field: HTMLInputElement | HTMLTextAreaElement, text: string): void {
  field.value = text;
  field.dispatchEvent(new Event('input', { bubbles: true }));
}

export function buttonNamed(root: ParentNode, name: string): HTMLButtonElement | undefined {
  return [...root.querySelectorAll('button')].find(
    button => (button.getAttribute('aria-label') ?? button.textContent) === name
  );
}
