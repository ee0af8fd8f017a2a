/** Keeping the log where the reader wants it: at the end, unless they scrolled up. */
import type { IViewMemory } from './backend';
import { whenAborted } from './dom';

/** Closer to the end than this counts as "at the end", in CSS pixels. */
const SLACK = 48;

export class ScrollKeeper {
  constructor(
    private readonly _scroller: HTMLElement,
    content: HTMLElement,
    private readonly _memory: IViewMemory,
    signal: AbortSignal,
    private readonly _changed: () => void
  ) {
    _scroller.addEventListener(
      'scroll',
      () => {
        this._noteScroll();
      },
      { signal, passive: true }
    );
    if (typeof ResizeObserver !== 'undefined') {
      // Fires on first layout too: a view is often made before it is attached.
      const observer = new ResizeObserver(() => {
        this._settle();
      });
      observer.observe(_scroller);
      observer.observe(content);
      whenAborted(signal, () => {
        observer.disconnect();
      });
    }
  }

  get stuck(): boolean {
    return this._memory.stuckToEnd;
  }

  /** Change the content; rows added above leave what is being read where it is. */
  during(change: () => void, addedAbove: boolean): void {
    const before = this._scroller.scrollHeight;
    change();
    if (this.stuck) {
      this.toEnd();
    } else if (addedAbove) {
      this._scroller.scrollTop += this._scroller.scrollHeight - before;
    }
  }

  toEnd(): void {
    this._memory.stuckToEnd = true;
    this._scroller.scrollTop = this._scroller.scrollHeight;
    this._memory.scrollTop = this._scroller.scrollTop;
    this._changed();
  }

  private _noteScroll(): void {
    const { scrollTop, scrollHeight, clientHeight } = this._scroller;
    if (clientHeight === 0 || !this._laidOut) {
      return;
    }
    // Only moving up lets go: a picture that loads below moves the end away without anybody scrolling.
    const movedUp = scrollTop < this._memory.scrollTop;
    this._memory.scrollTop = scrollTop;
    if (scrollHeight - scrollTop - clientHeight <= SLACK) {
      this._memory.stuckToEnd = true;
    } else if (movedUp) {
      this._memory.stuckToEnd = false;
    }
    this._changed();
  }

  private _settle(): void {
    if (this._scroller.clientHeight === 0) {
      return;
    }
    if (this.stuck) {
      this.toEnd();
    } else if (!this._laidOut) {
      this._scroller.scrollTop = this._memory.scrollTop;
    }
    this._laidOut = true;
  }

  private _laidOut = typeof ResizeObserver === 'undefined';
}
