/**
 * Markdown from workflows and models, made harmless.
 *
 * Everything here is untrusted. The result is a fragment of nodes, never a string: what may pass is a
 * short list of tags and attributes, links leave through a new tab, and only pictures that travel inside
 * the message are shown, because loading a remote one tells its server that the message was read.
 */
import DOMPurify, { type Config, type DOMPurify as Purifier } from 'dompurify';
import { Marked } from 'marked';
import { h } from './dom';

/** Longer texts are shown as they are: parsing them would freeze the page. */
const MAX_MARKDOWN_LENGTH = 400_000;

const INLINE_IMAGE = /^data:image\/(?:png|jpeg|gif|webp);base64,[a-z0-9+/=\s]+$/i;
const LINK = /^(?:https?|mailto):/i;

const RULES: Config = {
  ALLOWED_TAGS: (
    'a b blockquote br code dd del details dl dt em h1 h2 h3 h4 h5 h6 hr i img kbd li mark ol p pre s ' +
    'strong sub summary sup table tbody td tfoot th thead tr u ul'
  ).split(' '),
  ALLOWED_ATTR: ['align', 'alt', 'colspan', 'href', 'rowspan', 'src', 'start', 'title'],
  ALLOWED_URI_REGEXP: LINK,
  // Without this their values would have to look like a link.
  ADD_URI_SAFE_ATTR: ['align', 'colspan', 'rowspan', 'start'],
  ALLOW_ARIA_ATTR: false,
  ALLOW_DATA_ATTR: false,
  ALLOW_UNKNOWN_PROTOCOLS: false,
  KEEP_CONTENT: true,
  RETURN_DOM_FRAGMENT: true
};

const marked = new Marked({
  gfm: true,
  breaks: true,
  async: false,
  renderer: {
    // Form controls do not pass; a task list still shows what is done.
    checkbox: ({ checked }) => (checked ? '☑ ' : '☐ ')
  }
});

/** Render untrusted Markdown. Falls back to plain text when it cannot be parsed. */
export function renderMarkdown(source: string): DocumentFragment {
  if (source.length > MAX_MARKDOWN_LENGTH) {
    return plain(source);
  }
  let html: string;
  try {
    html = marked.parse(source, { async: false });
  } catch {
    // Pathological nesting overflows the parser's stack.
    return plain(source);
  }
  const fragment = purifier().sanitize(html, { ...RULES, RETURN_DOM_FRAGMENT: true });
  finishLinks(fragment);
  finishImages(fragment);
  finishTables(fragment);
  return fragment;
}

let cached: { readonly owner: Window; readonly purify: Purifier } | null = null;

function purifier(): Purifier {
  if (cached?.owner !== window) {
    const purify = DOMPurify(window);
    // A source must go while the tree is still inert: a live <img> starts loading at once, attached or not.
    purify.addHook('uponSanitizeAttribute', (node, data) => {
      if (data.attrName === 'src') {
        data.keepAttr = node.nodeName === 'IMG' && INLINE_IMAGE.test(data.attrValue);
      } else if (data.attrName === 'href') {
        data.keepAttr = LINK.test(data.attrValue.trim());
      }
    });
    cached = { owner: window, purify };
  }
  return cached.purify;
}

function finishLinks(fragment: DocumentFragment): void {
  for (const link of fragment.querySelectorAll('a')) {
    if (link.hasAttribute('href')) {
      link.setAttribute('target', '_blank');
      link.setAttribute('rel', 'noopener noreferrer');
    }
  }
}

function finishImages(fragment: DocumentFragment): void {
  for (const image of fragment.querySelectorAll('img')) {
    const alt = image.getAttribute('alt') ?? '';
    if (image.hasAttribute('src')) {
      image.setAttribute('alt', alt || 'Picture without a description');
    } else {
      const note = `${alt}${alt ? ' ' : ''}(remote image not loaded)`;
      image.replaceWith(h('span', { class: 'jp-FlowDrop-blockedImage' }, note));
    }
  }
}

function finishTables(fragment: DocumentFragment): void {
  for (const table of fragment.querySelectorAll('table')) {
    if (table.parentElement?.closest('table')) {
      continue;
    }
    const frame = h('div', {
      class: 'jp-FlowDrop-tableFrame',
      role: 'region',
      'aria-label': 'Table',
      tabindex: 0
    });
    table.replaceWith(frame);
    frame.append(table);
  }
}

function plain(source: string): DocumentFragment {
  const fragment = document.createDocumentFragment();
  fragment.append(h('p', { class: 'jp-FlowDrop-plain' }, source));
  return fragment;
}
