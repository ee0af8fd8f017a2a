"""Whatever a message holds, only harmless HTML comes out."""

from __future__ import annotations

from html.parser import HTMLParser

import mistune
import pytest

from flowdrop_jupyter.notebook import markup

PIXEL = "data:image/png;base64,iVBORw0KGgo="
ALLOWED = {
    "a": {"href", "rel", "target"},
    "img": {"src", "alt", "style"},
    "ol": {"start"},
    **{tag: {"style"} for tag in ("pre", "blockquote", "table", "th", "td")},
    "div": {"style", "class"},
    **{
        tag: set()
        for tag in (
            *("p", "br", "hr", "em", "strong", "del", "code", "ul", "li", "thead", "tbody", "tr"),
            *("h4", "h5", "h6"),
        )
    },
}
HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "text <b onmouseover=alert(1)>bold</b>",
    "<svg/onload=alert(1)>",
    "<iframe src='javascript:alert(1)'></iframe>",
    "<a href='javascript:alert(1)'>x</a>",
    "<style>body{display:none}</style>",
    "<div style='position:fixed;inset:0'>cover</div>",
    "<!-- --><img src=x onerror=alert(1)>",
    "<![CDATA[<script>alert(1)</script>]]>",
    "<?xml <script>alert(1)</script> ?>",
    "</div></div><script>alert(1)</script>",
    "<math><mtext></p><img src=x onerror=alert(1)>",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](  javascript:alert(1))",
    "[x](java\nscript:alert(1))",
    "[x](java&#115;cript:alert(1))",
    "[x](javascript&colon;alert(1))",
    "[x](&#x6A;avascript:alert(1))",
    "[x](\x01javascript:alert(1))",
    "[x](vbscript:msgbox(1))",
    "[x](data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==)",
    "[x](//evil.example/a)",
    "[x](file:///etc/passwd)",
    "[x]: javascript:alert(1)\n\n[x]",
    "<javascript:alert(1)>",
    '[x](http://e.example/"onmouseover="alert(1))',
    '[x](http://e.example "t\\" onmouseover=\\"alert(1)")',
    "[x](http://e.example/'><script>alert(1)</script>)",
    "![x](http://evil.example/track.png)",
    "![x](javascript:alert(1))",
    "![x](data:image/svg+xml;base64,PHN2ZyBvbmxvYWQ9YWxlcnQoMSk+)",
    '![x](data:image/png;base64,AAAA"onerror="alert(1))',
    "![x](data:image/png;base64,AAAA onerror=alert(1))",
    '![" onerror="alert(1)](data:image/png;base64,AAAA)',
    "![<script>alert(1)</script>](data:image/png;base64,AAAA)",
    "!\\[x](http://evil.example/track.png)",
    "\\![x](http://evil.example/track.png)",
    "`<script>alert(1)</script>`",
    "```html\n<script>alert(1)</script>\n```",
    '```"onmouseover="alert(1)\nx\n```',
    "````\n```\n<script>alert(1)</script>\n````",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "&#60;script&#62;alert(1)&#60;/script&#62;",
    "# <img src=x onerror=alert(1)>",
    "| a |\n|:-:|\n| <img src=x onerror=alert(1)> |",
    "> <script>\n> alert(1)\n> </script>",
    "- <script>alert(1)</script>",
    "~~<script>alert(1)</script>~~",
    "**a <b><i onclick=alert(1)>**",
    "99999999999999999999. <script>alert(1)</script>",
    "\u202e<script>alert(1)</script>",
    "a\x00<script\x00>alert(1)</script>",
]


class Check(HTMLParser):
    """Fails for every element, attribute and address that is not expected."""

    def __init__(self) -> None:
        super().__init__()
        self.problems: list[str] = []
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag not in ALLOWED:
            self.problems.append(f"<{tag}>")
        for name, value in attrs:
            if name not in ALLOWED.get(tag, set()):
                self.problems.append(f"<{tag} {name}>")
            if name == "href" and not (value or "").startswith(("http://", "https://", "mailto:")):
                self.problems.append(f"href={value}")
            if name == "src" and not (value or "").startswith("data:image/"):
                self.problems.append(f"src={value}")
            if name == "src" and "svg" in (value or ""):
                self.problems.append(f"src={value}")

    def handle_comment(self, data: str) -> None:
        self.problems.append(f"<!--{data}")

    def handle_decl(self, decl: str) -> None:
        self.problems.append(f"<!{decl}")

    def handle_pi(self, data: str) -> None:
        self.problems.append(f"<?{data}")

    def unknown_decl(self, data: str) -> None:
        self.problems.append(f"<![{data}")


def problems(html: str) -> list[str]:
    check = Check()
    check.feed(html)
    check.close()
    return check.problems


@pytest.mark.parametrize("text", HOSTILE)
def test_html_holds_nothing_that_was_not_written_here(text: str) -> None:
    assert problems(markup.to_html(text)) == []


@pytest.mark.parametrize("text", HOSTILE)
def test_markdown_stays_harmless_in_a_renderer_that_allows_html(text: str) -> None:
    render = mistune.create_markdown(escape=False, plugins=["table", "strikethrough", "url"])
    html = str(render(markup.to_markdown(text)))
    # That renderer names the language of code in a class.
    assert [problem for problem in problems(html) if problem != "<code class>"] == []


@pytest.mark.parametrize("text", HOSTILE)
def test_the_words_of_a_hostile_text_stay_readable(text: str) -> None:
    assert markup.to_plain(text).strip() != ""


def test_the_check_itself_finds_what_it_is_for() -> None:
    assert problems("<p onclick=x><script></script><a href='javascript:1'></a><!-- x -->") != []


def test_an_embedded_picture_is_shown() -> None:
    assert f'<img src="{PIXEL}" alt="a plot"' in markup.to_html(f"![a plot]({PIXEL})")
    assert markup.to_markdown(f"![a plot]({PIXEL})") == f"![a plot]({PIXEL})"
    assert markup.to_plain(f"![a plot]({PIXEL})") == "[image: a plot]"


def test_a_remote_picture_becomes_its_words() -> None:
    assert markup.to_html("![a plot](http://x.example/p.png)") == "<p>[image: a plot]</p>"


@pytest.mark.parametrize(
    "address", ["http://x.example/a?b=1&c=2", "https://x.example/", "mailto:a@x.example"]
)
def test_an_ordinary_link_stays_a_link(address: str) -> None:
    html = markup.to_html(f"[there]({address})")
    assert f'href="{markup.escape_html(address)}"' in html
    assert 'rel="noopener noreferrer"' in html


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("a **b** *c* ~~d~~ `e<f`", "<strong>b</strong> <em>c</em> <del>d</del> <code>e&lt;f</code>"),
        ("# Head", "<h4>Head</h4>"),
        ("- a\n- b", "<ul><li>a</li><li>b</li></ul>"),
        ("3. a\n4. b", '<ol start="3"><li>a</li><li>b</li></ol>'),
        ("5 &lt; 6 &amp; 7", "5 &lt; 6 &amp; 7"),
        ("a\n\n---", "<hr>"),
    ],
)
def test_markdown_becomes_html(text: str, html: str) -> None:
    assert html in markup.to_html(text)


@pytest.mark.parametrize(
    "text",
    [
        "plain words, nothing else",
        "a **b** *c* ~~d~~ `e<f`",
        "- a\n- b\n  - c\n    - d\n\n1. x\n2. y",
        "```python\nif a < b:\n    print('`')\n```",
        "| a | b |\n| --- | --- |\n| 1 | `x` |",
        "> quoted\n> more\n>\n> - item",
        "5 < 6 & 7 > 3, snake_case and 2 * 3 * 4",
        "a [link](https://x.example/a_b) and\\\na break",
        "\\# no heading\n\n1\\. no list\n\n\\- no item",
        "\\*not emphasised\\* and \\`no code\\`",
        "a back\\\\slash and \\alpha",
    ],
)
def test_markdown_reads_the_same_after_cleaning(text: str) -> None:
    assert markup.to_html(markup.to_markdown(text)).replace("h4", "h") == markup.to_html(text)


@pytest.mark.parametrize(
    ("text", "markdown"),
    [
        ("costs $5 and $6", r"costs \$5 and \$6"),
        (r"already \$5", r"already \$5"),
        ("`$HOME` and `$PATH`", "`$HOME` and `$PATH`"),
        (r"a\\(b\\) c\\[d\\]", r"a&#92;(b&#92;) c&#92;\[d&#92;\]"),
    ],
)
def test_nothing_is_left_that_starts_a_formula(text: str, markdown: str) -> None:
    assert markup.to_markdown(text) == markdown
    assert markup.to_html(markup.to_markdown(text)) == markup.to_html(text)


def test_pictures_can_be_left_out_of_markdown() -> None:
    assert markup.to_markdown(f"![a $ plot]({PIXEL})", images=False) == r"\[image: a \$ plot\]"


def test_brackets_in_an_address_do_not_end_it() -> None:
    assert markup.to_markdown("[x](https://x.example/a_(b))") == "[x](https://x.example/a_%28b%29)"


def test_control_characters_do_not_reach_a_terminal() -> None:
    assert markup.to_plain("a\x1b[31mred\x07\x9b1m") == "a[31mred1m"


@pytest.mark.parametrize("text", ["[" * 20000, "> " * 5000 + "x", "*a " * 20000, "`" * 30000, "![" * 20000])
def test_pathological_texts_are_written_in_reasonable_time(text: str) -> None:
    markup.to_html(text)
    markup.to_markdown(text)


def test_a_huge_text_is_shown_without_being_read() -> None:
    html = markup.to_html("<b>" * 1_500_000)
    assert html.startswith("<pre")
    assert "<b>" not in html
