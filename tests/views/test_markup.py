"""Text of agents and sessions as HTML that can do nothing."""

import pytest
from inline_snapshot import snapshot

from convsim_nb.views.markup import ATTRIBUTES, SCHEMES, TAGS, escaped, safe_html
from tests.views.page import Page

ATTACKS = [
    "<script>alert(1)</script>",
    "<ScRiPt src=//x.example/a.js></sCrIpT>",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    "<svg><animate onbegin=alert(1) attributeName=x dur=1s>",
    "<math><mi//xlink:href='data:x,<script>alert(1)</script>'>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<details open ontoggle=alert(1)>",
    "<style>@import 'https://x.example/x.css'</style>",
    "<p style='position:fixed;inset:0;background:url(https://x.example)'>",
    "<form action=https://x.example><button>log in</button></form>",
    "<base href=https://x.example>",
    "<meta http-equiv=refresh content='0;url=https://x.example'>",
    "<a href=javascript:alert(1)>x</a>",
    "<!-- <img src=x onerror=alert(1)> -->",
    "<![CDATA[<script>alert(1)</script>]]>",
    "</td></table></details></div><script>alert(1)</script>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](java\tscript:alert(1))",
    "[x](&#106;avascript:alert(1))",
    "[x](data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==)",
    "[x](vbscript:msgbox)",
    "[x](file:///etc/passwd)",
    "[x](/api/shutdown)",
    "[x](//x.example)",
    "[x](#top)",
    "[x]: javascript:alert(1)\n\n[x]",
    "<javascript:alert(1)>",
    "![x](https://x.example/beacon.png)",
    '![x](x" onerror="alert(1))',
    '[x](https://x.example/"onmouseover=alert(1)//)',
    "[x](https://x.example 'a\" onmouseover=\"alert(1)')",
    '```"><script>alert(1)</script>\n</code></pre><script>alert(1)</script>\n```',
    "| <script> | b |\n|---|---|\n| <img src=x onerror=alert(1)> | [x](javascript:alert(1)) |",
    "`<script>alert(1)</script>`",
    "**<b onclick=alert(1)>x</b>**",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "\x00<script>alert(1)</script>",
    "\ud800<script>alert(1)</script>",
]


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("around", ["{}", "> {}", "- {}", "1. a\n\n   {}", "before {} after", "# {}"])
def test_no_attack_gives_a_tag_attribute_or_address_of_its_own(attack, around):
    """Whatever is written, wherever in a message: only listed tags and attributes, only web and mail addresses."""
    page = Page(safe_html(around.format(attack)))

    assert page.tags <= TAGS
    assert page.attributes <= {*ATTRIBUTES["a"], *ATTRIBUTES["ol"], "rel"}
    assert all(address.partition(":")[0] in SCHEMES for address in page.values("href"))
    assert page.values("rel") <= {"noopener noreferrer"}


def test_what_looks_like_a_tag_is_text():
    """An agent that writes about HTML is read as it wrote; an attack is seen."""
    assert Page(safe_html("use <b onclick=x>b</b>\n\n<div>\nd\n</div>")).text == snapshot("""\
use <b onclick=x>b</b>
<div>
d
</div>
""")


def test_the_markdown_that_agents_write_keeps_its_form():
    """Emphasis, lists, tables, code and links are shown as such; a heading is strong text; a line end is one."""
    text = (
        "# Fares\nThe **18:05** has _seats_,\nthe ~~17:10~~ not.\n\n1. `€84`\n2. [terms](https://x.example/a?b=1&c=2)\n\n"
        "| a | b |\n|---|--:|\n| 1 | 2 |\n\n```py\nif a < b: pass\n```\n"
    )

    assert safe_html(text) == snapshot("""\
<p><strong>Fares</strong></p>
<p>The <strong>18:05</strong> has <em>seats</em>,<br>
the <s>17:10</s> not.</p>
<ol>
<li><code>€84</code></li>
<li><a href="https://x.example/a?b=1&amp;c=2" rel="noopener noreferrer">terms</a></li>
</ol>
<table>
<thead>
<tr>
<th>a</th>
<th>b</th>
</tr>
</thead>
<tbody>
<tr>
<td>1</td>
<td>2</td>
</tr>
</tbody>
</table>
<pre><code>if a &lt; b: pass
</code></pre>
""")


def test_an_address_opens_no_door_to_this_page():
    """A link says neither where it was clicked nor hands the window over."""
    assert safe_html("[x](https://x.example)") == snapshot(
        '<p><a href="https://x.example" rel="noopener noreferrer">x</a></p>\n'
    )


def test_a_wall_of_text_is_shown_as_it_was_written():
    """A message too long to be laid out keeps its lines, and costs no layout."""
    page = Page(safe_html("**a** <b>\n" * 5_000))

    assert page.tags == {"p", "br"}
    assert page.text.startswith("**a** <b>")


def test_hidden_characters_are_seen_in_html_too():
    """Neither the character nor Markdown's way of writing it hides anything."""
    assert "⟨U+202E⟩" in safe_html("a\u202eb")
    assert safe_html("a&#x202E;b&#8203;") == snapshot("<p>a⟨U+202E⟩b⟨U+200B⟩</p>\n")


def test_text_in_tag_characters_cannot_smuggle_tags():
    """What is spelled out of tag characters is text like any other."""
    smuggled = "".join(chr(0xE0000 + ord(char)) for char in "<script>alert(1)</script>")

    assert Page(safe_html(f"ok{smuggled}")).tags == {"p"}
    assert Page(escaped(f"ok{smuggled}")).tags == set()
    assert "hidden: <script>" in Page(safe_html(smuggled)).text


def test_escaped_text_stands_in_an_attribute():
    """Quotes and tags do not end what they stand in."""
    assert escaped("\"'><b>\u202e") == snapshot("&quot;&#x27;&gt;&lt;b&gt;⟨U+202E⟩")
