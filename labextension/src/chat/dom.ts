/** Building DOM nodes without markup strings, and lifetimes made of AbortSignals. */

type Child = Node | string | null | undefined | false;
type Attributes = Readonly<Record<string, string | number | boolean | null | undefined>>;

/** Create an element. True sets a bare attribute; false, null and undefined leave it out. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    setAttribute(element, name, value);
  }
  element.append(
    ...children.filter(child => child !== null && child !== undefined && child !== false)
  );
  return element;
}

export function setAttribute(element: Element, name: string, value: Attributes[string]): void {
  if (value === false || value === null || value === undefined) {
    element.removeAttribute(name);
  } else {
    element.setAttribute(name, value === true ? '' : String(value));
  }
}

// The widget's module is loaded once per model, so a bare counter would repeat on the page.
const idSeed = Math.random().toString(36).slice(2, 10);
let idCount = 0;

export function uniqueId(what: string): string {
  idCount += 1;
  return `jp-FlowDrop-${what}-${idSeed}-${idCount}`;
}

/** A controller that ends with its parent, and lets go of the parent when it ends first. */
export function childController(parent: AbortSignal): AbortController {
  const child = new AbortController();
  if (parent.aborted) {
    child.abort();
    return child;
  }
  parent.addEventListener(
    'abort',
    () => {
      child.abort();
    },
    { once: true, signal: child.signal }
  );
  return child;
}

/** Run a clean-up once the signal ends. */
export function whenAborted(signal: AbortSignal, cleanUp: () => void): void {
  if (signal.aborted) {
    cleanUp();
  } else {
    signal.addEventListener('abort', cleanUp, { once: true });
  }
}
