"""No output of the HTML writer has a tag or attribute outside of the specification's list, whatever the Markdown.

usage: test_markup_list.py PROGRAM [COUNT [SEED]]

The HTML of random Markdown, read by the parser of Python's library: every tag and attribute is on the list of the
client-server API, v1.11, 11.2.1.1 (written here once more, by hand); tags close in their order and are at most 100 in each
other; addresses have a scheme that is allowed, and what a reader sees of raw HTML is its text.
"""

import random
import subprocess
import sys
from html.parser import HTMLParser

TAGS = """del h1 h2 h3 h4 h5 h6 blockquote p a ul ol sup sub li b i u strong em s code hr br div table thead tbody tr th
td caption pre span img details summary""".split()
ATTRIBUTES = {"a": {"href", "target"}, "ol": {"start"}, "code": {"class"}}
SCHEMES = ("https:", "http:", "ftp:", "mailto:", "magnet:")
VOID = {"hr", "br", "img"}
MAX_DEPTH = 100

WORDS = [
    "<script>", "</script>", "<b onclick=x>", "</p>", "<!--", "-->", "<![CDATA[", "<?php", "<img src=x onerror=y>", "<a href='",
    "[", "]", "(", ")", "![", "](", "](<", "](javascript:alert(1))", "](JaVa&#115;cript:x)", "](&#106;avascript&colon;x)",
    "](https://a.b/\"onclick=\"x)", "](java\tscript:x)", "](\x01javascript:x)", "](data:text/html,x)", "](mxc://a/b)", "](magnet:?x)",
    "](mailto:a@b.c \"title\" )", "](http://a'b<c>d)", "<https://a.b>", "<javascript:x>", "https://x.org/?a=\"b\"&c", "www.x.org/<b>", "a@b.cc",
    "[r]", "[r]: http://z \"t\"\n", "[r]: javascript:x\n", "*", "**", "_", "__", "~~", "`", "``", "```", "~~~", "```py\n", "```\"><script>\n",
    "~~~ c++ x=\"y\"\n", "# ", "###### ", "> ", ">", "- ", "+ ", "* ", "1. ", "0) ", "999999999. ", "---\n", "===\n", "|", "|-|-|\n", "| a | b |\n",
    "\n", "\n\n", "  \n", "\\\n", "\\", "    ", "\t", "&amp;", "&lt;script&gt;", "&#60;", "&#x3c;b&#62;", "&quot;", "&nosuch;", "&#0;", "&#xd800;",
    "&#9999999;", "&", ";", "<", ">", "\"", "'", "a", "word ", "\0", "\x7f", "\r", "\r\n", "é", "日本", "\u202e", "\U0001f600",
]  # fmt: skip


class Reader(HTMLParser):
    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.open = []

    def handle_starttag(self, tag, attrs):
        assert tag in TAGS, tag
        names = [name for name, _ in attrs]
        assert len(set(names)) == len(names) and set(names) <= ATTRIBUTES.get(tag, set()), (tag, attrs)
        for name, value in attrs:
            if name == "href":
                assert value.lower().startswith(SCHEMES) and not any(ord(c) < 32 or ord(c) == 127 for c in value), value
            elif name == "class":
                assert value.startswith("language-") and not any(c.isspace() for c in value), value
            else:
                assert value.isdigit(), value
        assert len(self.open) < MAX_DEPTH
        assert tag != "a" or "a" not in self.open
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        raise AssertionError("a tag that closes itself: " + tag)

    def handle_endtag(self, tag):
        assert self.open and self.open.pop() == tag, tag

    def no_such_thing(self, data):
        raise AssertionError(data)

    handle_comment = handle_decl = handle_pi = unknown_decl = no_such_thing


def sample(rng):
    if rng.random() < 0.1:
        return bytes(rng.choice(b"<>\"'&;[]()!*_`~#-+>|\n \tax\x80\xc3\xa9\xff") for _ in range(rng.randrange(200)))
    text = "".join(rng.choice(WORDS) for _ in range(rng.randrange(40)))
    return text.encode()


def convert(program, text):
    program.stdin.write(b"%d\n" % len(text) + text)
    program.stdin.flush()
    return program.stdout.read(int(program.stdout.readline())).decode()


def check(html):
    reader = Reader()
    # A parser that meets the raw text of a script would not tell what is in it; the list keeps those away.
    reader.feed(html)
    reader.close()
    assert not reader.open, reader.open


def main():
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 20000
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else random.randrange(2**32)
    rng = random.Random(seed)
    program = subprocess.Popen([sys.argv[1]], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    deep = [b"> " * 300 + b"a", b"- " * 300 + b"a", b"*" * 301 + b"a" + b"*" * 301, b"> " * 99 + b"*a\nb*", b"> " * 98 + b"    a"]
    tags = 0
    for number in range(count + len(deep)):
        text = deep[number] if number < len(deep) else sample(rng)
        html = convert(program, text)
        tags += html.count("<")
        try:
            check(html)
        except AssertionError:
            print("seed %d, text %r, html %r" % (seed, text, html), file=sys.stderr)
            raise
    program.stdin.close()
    assert program.wait() == 0
    assert tags > count, "the samples have hardly a tag"
    print("%d texts, %d tags, seed %d" % (count, tags, seed))


if __name__ == "__main__":
    main()
