/** "Stop the run?": the question that Esc asks, so that a stray key does not end an hour of work. */
import { h, uniqueId } from './dom';
import { icon } from './icons';

export class StopQuestion {
  readonly node: HTMLElement;

  constructor(signal: AbortSignal, stop: () => void, closed: () => void) {
    const question = uniqueId('stop');
    const finish = (stopping: boolean): void => {
      this.close();
      if (stopping) {
        stop();
      }
      closed();
    };
    const keep = h(
      'button',
      { type: 'button', class: 'jp-FlowDrop-button jp-FlowDrop-button-quiet' },
      'Keep running'
    );
    this._stop.addEventListener(
      'click',
      () => {
        finish(true);
      },
      { signal }
    );
    keep.addEventListener(
      'click',
      () => {
        finish(false);
      },
      { signal }
    );
    this.node = h(
      'div',
      { class: 'jp-FlowDrop-question', role: 'group', 'aria-labelledby': question, hidden: true },
      h('span', { id: question }, 'Stop the run?'),
      this._stop,
      keep
    );
  }

  get isOpen(): boolean {
    return !this.node.hidden;
  }

  open(): void {
    this.node.hidden = false;
    this._stop.focus({ preventScroll: true });
  }

  close(): void {
    this.node.hidden = true;
  }

  private readonly _stop = h(
    'button',
    { type: 'button', class: 'jp-FlowDrop-button jp-FlowDrop-stop' },
    icon('stop'),
    'Stop'
  );
}
