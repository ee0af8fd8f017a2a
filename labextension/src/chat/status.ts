/** How each session status reads: always an icon and a word, never a colour alone. */
import type { IconName } from './icons';
import type { SessionStatus } from './protocol';

export interface IStatusLook {
  readonly label: string;
  readonly icon: IconName;
}

export const STATUS_LOOKS: Readonly<Record<SessionStatus, IStatusLook>> = {
  idle: { label: 'Ready', icon: 'ready' },
  running: { label: 'Working', icon: 'spinner' },
  awaiting_input: { label: 'Waiting for you', icon: 'question' },
  completed: { label: 'Completed', icon: 'checkCircle' },
  failed: { label: 'Failed', icon: 'crossCircle' }
};
