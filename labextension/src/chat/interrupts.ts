/** What a message with `metadata.type == "interrupt_request"` asks for. */
import { asList, asNumber, asText, isRecord } from './json';
import type { IMessage } from './protocol';

export interface IChoiceOption {
  readonly value: string;
  readonly label: string;
  readonly description: string;
}

/** The metadata of a prompt, with its defaults filled in. */
export interface IInterruptMetadata {
  readonly interruptId: string;
  /** `confirmation`, `choice`, `text`, `form`, `review`, or a kind this screen does not know. */
  readonly kind: string;
  readonly allowCancel: boolean;
  readonly confirmLabel: string;
  readonly cancelLabel: string;
  readonly options: readonly IChoiceOption[];
  readonly multiple: boolean;
  readonly minSelections: number;
  readonly maxSelections: number;
  readonly placeholder: string;
  readonly multiline: boolean;
  readonly minLength: number;
  readonly maxLength: number;
  readonly defaultValue: unknown;
  /** The stored answer; null when there is none (open, cancelled or expired). */
  readonly responseValue: unknown;
  readonly resolvedByUserName: string;
}

/** The prompt in a message, or null when the message is none. */
export function interruptOf(message: IMessage): IInterruptMetadata | null {
  const data = message.metadata;
  if (data.type !== 'interrupt_request' || typeof data.interrupt_id !== 'string') {
    return null;
  }
  const options = asList(data.options).map(parseOption);
  const multiple = data.multiple === true;
  return {
    interruptId: data.interrupt_id,
    kind: asText(data.interrupt_type),
    allowCancel: (data.allow_cancel ?? data.allowCancel) !== false,
    confirmLabel: asText(data.confirm_label) || 'Yes',
    cancelLabel: asText(data.cancel_label) || 'No',
    options,
    multiple,
    minSelections: asNumber(data.min_selections) ?? (multiple ? 0 : 1),
    maxSelections: multiple ? (asNumber(data.max_selections) ?? options.length) : 1,
    placeholder: asText(data.placeholder),
    multiline: data.multiline === true,
    minLength: asNumber(data.min_length) ?? 0,
    maxLength: asNumber(data.max_length) ?? Infinity,
    defaultValue: data.default_value,
    responseValue: data.response_value ?? null,
    resolvedByUserName: asText(data.resolvedByUserName)
  };
}

/** A prompt stays open until its message is completed, whatever else its status says. */
export function isOpenInterrupt(message: IMessage): boolean {
  return message.status !== 'completed' && interruptOf(message) !== null;
}

/** The answer in the words that the person chose from. */
export function describeAnswer(prompt: IInterruptMetadata): string {
  const value = prompt.responseValue;
  if (prompt.kind === 'confirmation' && typeof value === 'boolean') {
    return value ? prompt.confirmLabel : prompt.cancelLabel;
  }
  if (prompt.kind === 'choice') {
    const chosen = Array.isArray(value) ? (value as unknown[]) : [value];
    return chosen.length === 0
      ? 'nothing'
      : chosen
          .map(each => prompt.options.find(option => option.value === each)?.label ?? asText(each))
          .join(', ');
  }
  return asText(value) || 'an empty text';
}

function parseOption(value: unknown): IChoiceOption {
  if (!isRecord(value)) {
    return { value: asText(value), label: asText(value), description: '' };
  }
  return {
    value: asText(value.value),
    label: asText(value.label) || asText(value.value),
    description: asText(value.description)
  };
}
