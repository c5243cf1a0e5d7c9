"""Whether HTML keeps to what the specification lets a message have (client-server API 1.11, m.room.message)."""

from html.parser import HTMLParser
from urllib.parse import urlsplit

VOID = {"hr", "br", "img"}
TAGS = set(
    """font del h1 h2 h3 h4 h5 h6 blockquote p a ul ol sup sub li b i u strong em s strike code hr br div table
    thead tbody tr th td caption pre span img details summary mx-reply""".split()
)
ATTRIBUTES = {
    "font": {"data-mx-bg-color", "data-mx-color", "color"},
    "span": {"data-mx-bg-color", "data-mx-color", "data-mx-spoiler", "data-mx-maths"},
    "a": {"name", "target", "href"},
    "img": {"width", "height", "alt", "title", "src"},
    "ol": {"start"},
    "code": {"class"},
    "div": {"data-mx-maths"},
}
SCHEMES = {"https", "http", "ftp", "mailto", "magnet"}
DEEPEST = 100
# What must not be inside: a paragraph ends by itself at a block, and the tags would no longer match.
BLOCKS = {"p", "div", "ul", "ol", "blockquote", "pre", "table", "hr", "h1", "h2", "h3", "h4", "h5", "h6", "details"}


class Judge(HTMLParser):
    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.open = []
        self.problems = []
        self.text = []

    def handle_starttag(self, tag, attrs):
        if tag not in TAGS:
            self.problems.append(f"tag <{tag}>")
        if tag in BLOCKS and "p" in self.open:
            self.problems.append(f"<{tag}> inside of <p>")
        for name, value in attrs:
            self.attribute(tag, name, value or "")
        if tag not in VOID:
            self.open.append(tag)
            if len(self.open) > DEEPEST:
                self.problems.append("deeper than 100")

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.problems.append(f"<{tag}/> ends nothing")

    def attribute(self, tag, name, value):
        if name not in ATTRIBUTES.get(tag, ()):
            self.problems.append(f"attribute {name} of <{tag}>")
        elif name == "href" and urlsplit(value.strip()).scheme.lower() not in SCHEMES:
            self.problems.append(f"href {value!r}")
        elif name == "src" and not value.startswith("mxc://"):
            self.problems.append(f"src {value!r}")
        elif name == "class" and not all(word.startswith("language-") for word in value.split()):
            self.problems.append(f"class {value!r}")
        elif name in ("start", "width", "height") and not value.lstrip("-").isdigit():
            self.problems.append(f"{name} {value!r}")

    def handle_endtag(self, tag):
        if not self.open or self.open[-1] != tag:
            self.problems.append(f"</{tag}> where {self.open[-1:] or 'nothing'} is open")
        else:
            self.open.pop()

    def handle_data(self, data):
        self.text.append(data)

    def handle_comment(self, data):
        self.problems.append("a comment")

    def handle_decl(self, decl):
        self.problems.append("a declaration")

    def handle_pi(self, data):
        self.problems.append("a processing instruction")

    def unknown_decl(self, data):
        self.problems.append("an unknown declaration")


def judge(html):
    """(what is wrong with it, its text)"""
    judge_of = Judge()
    judge_of.feed(html)
    judge_of.close()
    problems = judge_of.problems
    if judge_of.open:
        problems.append(f"never closed: {judge_of.open}")
    return problems, "".join(judge_of.text)
