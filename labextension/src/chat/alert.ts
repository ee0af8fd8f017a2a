/** The line for refusals: announced at once, stays until dismissed or until the next success. */
import { h } from './dom';
import { icon } from './icons';

export class AlertLine {
  readonly node = h('div', { class: 'jp-FlowDrop-alertRegion', role: 'alert' });

  constructor(private readonly _signal: AbortSignal) {}

  show(message: string): void {
    const dismiss = h(
      'button',
      { type: 'button', class: 'jp-FlowDrop-plainButton', 'aria-label': 'Dismiss this message' },
      'Dismiss'
    );
    dismiss.addEventListener(
      'click',
      () => {
        this.clear();
        this.onDismiss?.();
      },
      { signal: this._signal }
    );
    this.node.replaceChildren(
      h(
        'div',
        { class: 'jp-FlowDrop-alert' },
        icon('alert'),
        h('span', { class: 'jp-FlowDrop-alertText' }, message),
        dismiss
      )
    );
  }

  clear(): void {
    this.node.replaceChildren();
  }

  /** Where the focus goes when the button that had it disappears. */
  onDismiss: (() => void) | null = null;
}
