/** One row of the conversation: what a person, the workflow or the system said. */
import type { IViewContext } from './context';
import { h, setAttribute } from './dom';
import { icon } from './icons';
import { interruptOf } from './interrupts';
import { asNumber, asText } from './json';
import { renderMarkdown } from './markdown';
import { PromptCard } from './prompt';
import type { IMessage } from './protocol';
import { durationText, timeElement } from './times';

export interface IRow {
  readonly node: HTMLLIElement;
  /** Follow the session's state. */
  update(): void;
}

/** Draw a message. Listeners end with `signal`, which is the row's own. */
export function messageRow(message: IMessage, context: IViewContext, signal: AbortSignal): IRow {
  const prompt = interruptOf(message);
  if (prompt !== null) {
    const card = new PromptCard(message, prompt, context, signal);
    return {
      node: row(message, 'prompt', card.node),
      update: () => {
        card.update();
      }
    };
  }
  switch (message.role) {
    case 'user':
      return still(userRow(message));
    case 'assistant':
      return still(assistantRow(message, context, signal));
    default:
      return still(noticeRow(message));
  }
}

function userRow(message: IMessage): HTMLLIElement {
  const name = asText(message.metadata.userName);
  return row(
    message,
    'user',
    h('span', { class: name ? 'jp-FlowDrop-author' : 'jp-FlowDrop-hidden' }, name || 'You'),
    h('div', { class: 'jp-FlowDrop-bubble' }, message.content),
    h('div', { class: 'jp-FlowDrop-meta' }, userState(message), timeElement(message.timestamp))
  );
}

function userState(message: IMessage): HTMLElement | null {
  if (message.status === 'failed') {
    return h('span', { class: 'jp-FlowDrop-state' }, icon('crossCircle'), 'Not answered');
  }
  return message.status === 'pending'
    ? h('span', { class: 'jp-FlowDrop-state' }, icon('clock'), 'Waiting')
    : null;
}

function assistantRow(
  message: IMessage,
  context: IViewContext,
  signal: AbortSignal
): HTMLLIElement {
  const author = asText(message.metadata.nodeLabel) || context.backend.state.workflowName;
  const duration = asNumber(message.metadata.duration);
  const failed = message.status === 'failed';
  const content = h('div', { class: 'jp-FlowDrop-content' });
  content.append(renderMarkdown(message.content));
  return row(
    message,
    'assistant',
    h(
      'div',
      { class: 'jp-FlowDrop-meta' },
      h('span', { class: 'jp-FlowDrop-author' }, author || 'Assistant'),
      timeElement(message.timestamp),
      duration === null ? null : h('span', {}, durationText(duration)),
      failed ? h('span', { class: 'jp-FlowDrop-state' }, icon('crossCircle'), 'Failed') : null,
      copyButton(message.content, signal)
    ),
    h('div', { class: 'jp-FlowDrop-bubble', 'data-failed': failed }, content)
  );
}

function noticeRow(message: IMessage): HTMLLIElement {
  const level = asText(message.metadata.level);
  const trouble = level === 'error' || level === 'warning' || message.status === 'failed';
  return row(
    message,
    'notice',
    h(
      'div',
      { class: 'jp-FlowDrop-notice', 'data-level': trouble ? level || 'error' : null },
      icon(trouble ? 'alert' : 'info'),
      h('span', { class: 'jp-FlowDrop-noticeText' }, message.content),
      timeElement(message.timestamp)
    )
  );
}

function copyButton(text: string, signal: AbortSignal): HTMLButtonElement {
  const label = h('span', {}, 'Copy');
  const copy = h(
    'button',
    { type: 'button', class: 'jp-FlowDrop-copy', 'aria-label': 'Copy this message' },
    icon('copy'),
    label
  );
  const press = async (): Promise<void> => {
    const copied = await copyText(text);
    label.textContent = copied ? 'Copied' : 'Copying is not allowed here';
    setAttribute(copy, 'aria-label', copied ? 'Copied' : label.textContent);
    const timer = setTimeout(() => {
      label.textContent = 'Copy';
      copy.setAttribute('aria-label', 'Copy this message');
    }, 2000);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
    });
  };
  copy.addEventListener('click', () => void press(), { signal });
  return copy;
}

async function copyText(text: string): Promise<boolean> {
  try {
    // Absent on pages that were not loaded over https or from localhost, whatever the types say.
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

function row(
  message: IMessage,
  look: 'user' | 'assistant' | 'notice' | 'prompt',
  ...children: Node[]
): HTMLLIElement {
  return h(
    'li',
    { class: `jp-FlowDrop-row jp-FlowDrop-row-${look}`, 'data-message-id': message.id },
    ...children
  );
}

function still(node: HTMLLIElement): IRow {
  return { node, update: () => undefined };
}
