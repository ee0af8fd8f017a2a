/** A question in the conversation: open with its controls, or closed with its answer. */
import { answerControls, type IAnswerControls } from './answers';
import { canAct, type IViewContext } from './context';
import { h, uniqueId } from './dom';
import { icon } from './icons';
import { describeAnswer, type IInterruptMetadata, isOpenInterrupt } from './interrupts';
import { renderMarkdown } from './markdown';
import type { IMessage } from './protocol';
import { timeElement } from './times';

export class PromptCard {
  readonly node: HTMLElement;

  constructor(
    message: IMessage,
    private readonly _prompt: IInterruptMetadata,
    private readonly _context: IViewContext,
    signal: AbortSignal
  ) {
    const open = isOpenInterrupt(message);
    const questionId = uniqueId('question');
    const question = h('div', { class: 'jp-FlowDrop-content', id: questionId });
    question.append(renderMarkdown(message.content));
    this.node = h(
      'div',
      {
        class: 'jp-FlowDrop-prompt',
        role: 'group',
        'aria-labelledby': questionId,
        'data-open': open ? 'true' : 'false',
        tabindex: -1
      },
      h(
        'div',
        { class: 'jp-FlowDrop-meta' },
        icon(open ? 'question' : 'checkCircle'),
        h('span', { class: 'jp-FlowDrop-author' }, open ? 'Your answer is needed' : 'Question'),
        timeElement(message.timestamp)
      ),
      question
    );
    if (open) {
      const actions = {
        submit: (value: unknown) => void this._submit(value),
        cancel: () => void this._cancel()
      };
      this._controls = answerControls(
        _prompt,
        actions,
        _context.backend.memory,
        questionId,
        signal
      );
      this.node.append(this._controls.node, this._progress);
    } else {
      this.node.append(outcome(_prompt));
    }
    this.update();
  }

  /** Follow the connection: a prompt that cannot be answered now is visibly so. */
  update(): void {
    this._controls?.setEnabled(!this._sending && canAct(this._context.backend));
  }

  private async _submit(value: unknown): Promise<void> {
    const { backend } = this._context;
    const id = this._prompt.interruptId;
    await this._run('Sending your answer…', () => backend.answer(id, value));
  }

  private async _cancel(): Promise<void> {
    const { backend } = this._context;
    await this._run('Cancelling…', () => backend.cancel(this._prompt.interruptId));
  }

  private async _run(progress: string, action: () => Promise<void>): Promise<void> {
    if (this._sending) {
      return;
    }
    this._sending = true;
    if (this.node.contains(document.activeElement)) {
      // The focused button is about to be disabled, which would drop the focus to the page.
      this.node.focus({ preventScroll: true });
    }
    this._progress.replaceChildren(icon('spinner'), progress);
    this.update();
    const done = await this._context.perform(action);
    this._progress.replaceChildren();
    if (done) {
      this._context.backend.memory.promptDrafts.delete(this._prompt.interruptId);
    } else {
      this._sending = false;
      this.update();
    }
  }

  private readonly _controls: IAnswerControls | null = null;
  private readonly _progress = h('p', { class: 'jp-FlowDrop-progress' });
  private _sending = false;
}

function outcome(prompt: IInterruptMetadata): HTMLElement {
  const who = prompt.resolvedByUserName;
  if (prompt.responseValue === null) {
    return h(
      'p',
      { class: 'jp-FlowDrop-outcome' },
      icon('close'),
      h('span', {}, `Closed without an answer${who ? ` by ${who}` : ''}`)
    );
  }
  return h(
    'p',
    { class: 'jp-FlowDrop-outcome' },
    icon('check'),
    h(
      'span',
      {},
      who ? `${who} answered: ` : 'Answered: ',
      h('strong', { class: 'jp-FlowDrop-answerText' }, describeAnswer(prompt))
    )
  );
}
