/**
 * Unsent messages of this page, by session.
 *
 * Running a cell again makes a new model with a new memory; what was typed has to outlive that too. Each
 * model loads its own copy of this module, so the texts hang on the page, not on the module.
 */

interface IPage {
  flowdropJupyterDrafts?: Map<string, string>;
}

function drafts(): Map<string, string> {
  const page = globalThis as IPage;
  page.flowdropJupyterDrafts ??= new Map<string, string>();
  return page.flowdropJupyterDrafts;
}

export function draftOf(sessionId: string): string {
  return drafts().get(sessionId) ?? '';
}

export function keepDraft(sessionId: string, text: string): void {
  if (text === '') {
    drafts().delete(sessionId);
  } else {
    drafts().set(sessionId, text);
  }
}
