/** The controls that answer a prompt: one small builder per kind. */
import type { IViewMemory } from './backend';
import { h, uniqueId } from './dom';
import type { IInterruptMetadata } from './interrupts';
import { characterCount } from './text';

export interface IAnswerActions {
  submit(value: unknown): void;
  cancel(): void;
}

export interface IAnswerControls {
  readonly node: HTMLElement;
  setEnabled(enabled: boolean): void;
}

/** A kind's own part: its fields, and how they become a value. */
interface IFields {
  readonly nodes: readonly HTMLElement[];
  /** What is still wrong, in words; empty when it can be submitted. */
  problem(): string;
  value(): unknown;
}

interface IFieldContext {
  readonly prompt: IInterruptMetadata;
  readonly memory: IViewMemory;
  readonly signal: AbortSignal;
  readonly labelledBy: string;
  changed(): void;
  submit(): void;
}

/** Build the controls for an open prompt. `labelledBy` is the id of the question. */
export function answerControls(
  prompt: IInterruptMetadata,
  actions: IAnswerActions,
  memory: IViewMemory,
  labelledBy: string,
  signal: AbortSignal
): IAnswerControls {
  if (prompt.kind === 'confirmation') {
    return confirmationControls(prompt, actions, labelledBy, signal);
  }
  if (prompt.kind === 'choice' || prompt.kind === 'text') {
    return submitControls(prompt, actions, memory, labelledBy, signal);
  }
  const note = h(
    'p',
    { class: 'jp-FlowDrop-promptNote' },
    `This prompt (${prompt.kind || 'unknown kind'}) can be answered through the API for now.`
  );
  const buttons = buttonRow(prompt.allowCancel ? cancelButton('secondary', actions, signal) : null);
  return withEnabling(h('div', { class: 'jp-FlowDrop-answer' }, note, buttons));
}

function confirmationControls(
  prompt: IInterruptMetadata,
  actions: IAnswerActions,
  labelledBy: string,
  signal: AbortSignal
): IAnswerControls {
  const choose = (label: string, value: boolean): HTMLButtonElement => {
    const chosen = button(label, value ? 'primary' : 'secondary');
    chosen.setAttribute('aria-describedby', labelledBy);
    onClick(chosen, signal, () => {
      actions.submit(value);
    });
    return chosen;
  };
  const buttons = buttonRow(choose(prompt.confirmLabel, true), choose(prompt.cancelLabel, false));
  return withEnabling(h('div', { class: 'jp-FlowDrop-answer' }, buttons));
}

function submitControls(
  prompt: IInterruptMetadata,
  actions: IAnswerActions,
  memory: IViewMemory,
  labelledBy: string,
  signal: AbortSignal
): IAnswerControls {
  const submit = button('Submit', 'primary');
  const hint = h('span', { class: 'jp-FlowDrop-hint', id: uniqueId('hint') });
  let enabled = true;
  const refresh = (): void => {
    const problem = fields.problem();
    hint.textContent = problem;
    submit.disabled = !enabled || problem !== '';
  };
  const trySubmit = (): void => {
    if (enabled && fields.problem() === '') {
      actions.submit(fields.value());
    }
  };
  const build = prompt.kind === 'choice' ? choiceFields : textFields;
  const fields = build({ prompt, memory, signal, labelledBy, changed: refresh, submit: trySubmit });
  onClick(submit, signal, trySubmit);
  submit.setAttribute('aria-describedby', hint.id);
  const cancel = prompt.allowCancel ? cancelButton('quiet', actions, signal) : null;
  const row = buttonRow(submit, cancel);
  row.append(hint);
  const controls = withEnabling(h('div', { class: 'jp-FlowDrop-answer' }, ...fields.nodes, row));
  refresh();
  return {
    node: controls.node,
    setEnabled(next) {
      enabled = next;
      controls.setEnabled(next);
      refresh();
    }
  };
}

function choiceFields(context: IFieldContext): IFields {
  const { prompt, memory, signal } = context;
  const remembered = memory.promptDrafts.get(prompt.interruptId) ?? prompt.defaultValue;
  const preset: readonly unknown[] = Array.isArray(remembered) ? remembered : [remembered];
  const name = uniqueId('choice');
  const inputs: HTMLInputElement[] = [];
  const rows = prompt.options.map(option => {
    const input = h('input', {
      type: prompt.multiple ? 'checkbox' : 'radio',
      name,
      value: option.value
    });
    input.checked = preset.includes(option.value);
    inputs.push(input);
    const description = option.description
      ? h('span', { class: 'jp-FlowDrop-optionDescription' }, option.description)
      : null;
    return h(
      'label',
      { class: 'jp-FlowDrop-option' },
      input,
      h('span', { class: 'jp-FlowDrop-optionText' }, h('span', {}, option.label), description)
    );
  });
  const chosen = (): string[] => inputs.filter(input => input.checked).map(input => input.value);
  const group = h(
    'div',
    {
      class: 'jp-FlowDrop-options',
      role: prompt.multiple ? 'group' : 'radiogroup',
      'aria-labelledby': context.labelledBy
    },
    ...rows
  );
  group.addEventListener(
    'change',
    () => {
      memory.promptDrafts.set(prompt.interruptId, chosen());
      context.changed();
    },
    { signal }
  );
  return {
    nodes: [group],
    value: () => (prompt.multiple ? chosen() : (chosen()[0] ?? null)),
    problem: () => selectionProblem(prompt, chosen().length)
  };
}

function selectionProblem(prompt: IInterruptMetadata, count: number): string {
  const { minSelections, maxSelections, multiple } = prompt;
  if (count < minSelections) {
    return multiple ? `Choose at least ${minSelections}.` : 'Choose one.';
  }
  return count > maxSelections ? `Choose at most ${maxSelections}.` : '';
}

function textFields(context: IFieldContext): IFields {
  const { prompt, memory, signal } = context;
  const field = prompt.multiline
    ? h('textarea', { class: 'jp-FlowDrop-field', rows: 4 })
    : h('input', { class: 'jp-FlowDrop-field', type: 'text' });
  field.placeholder = prompt.placeholder;
  field.setAttribute('aria-labelledby', context.labelledBy);
  const remembered = memory.promptDrafts.get(prompt.interruptId) ?? prompt.defaultValue;
  field.value = typeof remembered === 'string' ? remembered : '';
  field.addEventListener(
    'input',
    () => {
      memory.promptDrafts.set(prompt.interruptId, field.value);
      context.changed();
    },
    { signal }
  );
  (field as HTMLElement).addEventListener(
    'keydown',
    event => {
      const submits = !prompt.multiline || event.ctrlKey || event.metaKey;
      if (event.key === 'Enter' && submits && !event.isComposing) {
        event.preventDefault();
        context.submit();
      }
    },
    { signal }
  );
  return {
    nodes: [field],
    value: () => field.value,
    problem: () => lengthProblem(prompt, characterCount(field.value))
  };
}

function lengthProblem(prompt: IInterruptMetadata, length: number): string {
  if (length < prompt.minLength) {
    return length === 0 && prompt.minLength === 1
      ? 'An answer is needed.'
      : `At least ${prompt.minLength} characters.`;
  }
  return length > prompt.maxLength
    ? `Too long by ${length - prompt.maxLength} (at most ${prompt.maxLength}).`
    : '';
}

function withEnabling(node: HTMLElement): IAnswerControls {
  return {
    node,
    setEnabled(enabled) {
      for (const control of node.querySelectorAll<HTMLButtonElement>('button, input, textarea')) {
        control.disabled = !enabled;
      }
    }
  };
}

function button(label: string, look: 'primary' | 'secondary' | 'quiet'): HTMLButtonElement {
  return h(
    'button',
    { type: 'button', class: `jp-FlowDrop-button jp-FlowDrop-button-${look}` },
    label
  );
}

function cancelButton(
  look: 'secondary' | 'quiet',
  actions: IAnswerActions,
  signal: AbortSignal
): HTMLButtonElement {
  const cancel = button('Cancel', look);
  onClick(cancel, signal, () => {
    actions.cancel();
  });
  return cancel;
}

function buttonRow(...buttons: (HTMLButtonElement | null)[]): HTMLElement {
  return h('div', { class: 'jp-FlowDrop-buttonRow' }, ...buttons);
}

function onClick(target: HTMLElement, signal: AbortSignal, action: () => void): void {
  target.addEventListener('click', action, { signal });
}
