/** Counting text as the server does. */

/** The number of code points, which is what Python calls the length of a string. */
export function characterCount(text: string): number {
  return Array.from(text).length;
}
