/** The chat view: header, conversation and composer on one backend, with one lifetime. */
import { AlertLine } from './alert';
import type { IChatBackend, IViewMemory } from './backend';
import { Composer } from './composer';
import { canAct, type IViewContext } from './context';
import { h, whenAborted } from './dom';
import { toChatError } from './errors';
import { ChatHeader } from './header';
import { MessageLog } from './log';
import { StopQuestion } from './stopping';

export class ChatView {
  readonly node: HTMLElement;

  constructor(private readonly _backend: IChatBackend) {
    const signal = this._lifetime.signal;
    const context: IViewContext = {
      backend: _backend,
      signal,
      perform: action => this._perform(action)
    };
    this._alert = new AlertLine(signal);
    this._header = new ChatHeader(context);
    this._log = new MessageLog(context);
    this._composer = new Composer(context, () => {
      this._log.follow();
    });
    this._question = new StopQuestion(
      signal,
      () => void this._header.stop(),
      () => {
        this._composer.focus();
      }
    );
    this._alert.onDismiss = () => {
      this._composer.focus();
    };
    this.node = h(
      'section',
      {
        class: 'jp-FlowDrop-chat',
        'aria-label': 'FlowDrop chat',
        'data-lm-suppress-shortcuts': 'true'
      },
      this._header.node,
      this._header.banner,
      this._log.node,
      this._question.node,
      this._alert.node,
      this._composer.node
    );
    this._listen(signal);
    whenAborted(
      signal,
      _backend.subscribe(() => {
        this._update();
      })
    );
    this._update();
    this._restoreFocus();
  }

  /** End the view. What was typed and where the reader was stays with the backend. */
  dispose(): void {
    this._lifetime.abort();
    this.node.remove();
  }

  focus(): void {
    this._composer.focus();
  }

  private _update(): void {
    this._header.update();
    this._log.update();
    this._composer.update();
    if (this._question.isOpen && this._backend.state.status !== 'running') {
      this._question.close();
      this._composer.focus();
    }
  }

  private async _perform(action: () => Promise<void>): Promise<boolean> {
    try {
      await action();
      this._alert.clear();
      return true;
    } catch (reason) {
      if (!this._lifetime.signal.aborted) {
        this._alert.show(toChatError(reason).message);
      }
      return false;
    }
  }

  private _listen(signal: AbortSignal): void {
    const { memory } = this._backend;
    this.node.addEventListener(
      'keydown',
      event => {
        this._passModifiedKeys(event);
        this._onEscape(event);
      },
      { signal }
    );
    this.node.addEventListener(
      'keyup',
      event => {
        this._passModifiedKeys(event);
      },
      { signal }
    );
    this.node.addEventListener(
      'beforeinput',
      event => {
        // Lab forbids line breaks inside a cell, to keep Shift+Enter for running it; here it breaks the line.
        // Its listener sits on the field itself, so the event is caught on its way there.
        if (event.inputType === 'insertLineBreak') {
          event.stopPropagation();
        }
      },
      { signal, capture: true }
    );
    this.node.addEventListener(
      'focusin',
      event => {
        memory.focus = this._placeOf(event.target);
      },
      { signal }
    );
    this.node.addEventListener(
      'focusout',
      () => {
        // A host that redraws removes the node first; only a real move of the focus counts.
        queueMicrotask(() => {
          if (this.node.isConnected && !this.node.contains(document.activeElement)) {
            memory.focus = 'none';
          }
        });
      },
      { signal }
    );
  }

  /**
   * Keep Lab's single-key commands (D D deletes a cell) away from the chat, but let Ctrl and Cmd
   * combinations such as Save through. Lab reads the attribute before the event reaches us, so it is
   * switched when the modifier itself goes down.
   */
  private _passModifiedKeys(event: KeyboardEvent): void {
    this.node.toggleAttribute('data-lm-suppress-shortcuts', !(event.ctrlKey || event.metaKey));
  }

  private _onEscape(event: KeyboardEvent): void {
    if (event.key !== 'Escape' || event.isComposing) {
      return;
    }
    if (this._question.isOpen) {
      this._question.close();
      this._composer.focus();
    } else if (this._backend.state.status === 'running' && canAct(this._backend)) {
      this._question.open();
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  }

  /** Give the focus back when a host redrew the view under the person's hands. */
  private _restoreFocus(): void {
    const place = this._backend.memory.focus;
    if (place === 'none') {
      return;
    }
    requestAnimationFrame(() => {
      const active = document.activeElement;
      const nobodyElse = active === null || active === document.body;
      if (this._lifetime.signal.aborted || !this.node.isConnected || !nobodyElse) {
        return;
      }
      if (place === 'composer') {
        this._composer.focus();
      } else {
        this._log.focusMessage(place.replace(/^message:/, ''));
      }
    });
  }

  private _placeOf(target: EventTarget | null): IViewMemory['focus'] {
    if (this._composer.owns(target)) {
      return 'composer';
    }
    const row = target instanceof Element ? target.closest('[data-message-id]') : null;
    return row === null ? 'chat' : `message:${row.getAttribute('data-message-id') ?? ''}`;
  }

  private readonly _lifetime = new AbortController();
  private readonly _alert: AlertLine;
  private readonly _header: ChatHeader;
  private readonly _log: MessageLog;
  private readonly _composer: Composer;
  private readonly _question: StopQuestion;
}
