/** Plain readers for values that come from outside: nothing is trusted to have its promised shape. */

export type JsonRecord = Readonly<Record<string, unknown>>;

export function isRecord(value: unknown): value is JsonRecord {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function asRecord(value: unknown): JsonRecord {
  return isRecord(value) ? value : {};
}

export function asList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? (value as unknown[]) : [];
}

/** The value as text: strings as they are, nothing for null, everything else as JSON. */
export function asText(value: unknown, fallback = ''): string {
  if (typeof value === 'string') {
    return value;
  }
  if (value === null || value === undefined) {
    return fallback;
  }
  return JSON.stringify(value);
}

export function asNumber(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}

/** One of a closed set of words, or the fallback. */
export function asWord<T extends string>(value: unknown, words: readonly T[], fallback: T): T {
  return words.find(word => word === value) ?? fallback;
}
