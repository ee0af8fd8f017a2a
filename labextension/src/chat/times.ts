/** Times in the reader's own words. */
import { h } from './dom';

/** A `<time>` with the clock time, and the full date on hover. Null for a time that cannot be read. */
export function timeElement(timestamp: string): HTMLTimeElement | null {
  const date = new Date(timestamp);
  if (timestamp === '' || Number.isNaN(date.getTime())) {
    return null;
  }
  const text = date.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
  return h('time', { datetime: timestamp, title: date.toLocaleString() }, text);
}

/** A duration in milliseconds, as `120 ms` or `1.5 s`. */
export function durationText(milliseconds: number): string {
  return milliseconds < 1000
    ? `${Math.round(milliseconds)} ms`
    : `${(milliseconds / 1000).toFixed(1)} s`;
}

/** How long ago, as `just now`, `5 minutes ago`, `yesterday`. */
export function agoText(timestamp: string, now: number): string {
  const then = Date.parse(timestamp);
  if (Number.isNaN(then)) {
    return '';
  }
  const seconds = Math.max(0, (now - then) / 1000);
  const format = new Intl.RelativeTimeFormat([], { numeric: 'auto' });
  if (seconds < 45) {
    return 'just now';
  }
  if (seconds < 45 * 60) {
    return format.format(-Math.max(1, Math.round(seconds / 60)), 'minute');
  }
  if (seconds < 22 * 3600) {
    return format.format(-Math.max(1, Math.round(seconds / 3600)), 'hour');
  }
  return format.format(-Math.max(1, Math.round(seconds / 86_400)), 'day');
}
