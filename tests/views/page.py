"""Reads HTML as a browser's parser would meet it: which tags, which attributes, which text."""

from html.parser import HTMLParser

_EMPTY = {"br", "hr", "meta"}


class Page(HTMLParser):
    """The tags, attributes and text of some HTML; an end tag that closes nothing is an error."""

    def __init__(self, html):
        super().__init__(convert_charrefs=True)
        self.tags, self.attributes, self.text, self.pieces, self.elements = set(), set(), "", [], []
        self._open = []
        self.feed(html)
        self.close()
        assert not self._open, f"never closed: {self._open}"

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.elements.append((tag, dict(attrs)))
        if tag not in _EMPTY:
            self._open.append(tag)

    def handle_endtag(self, tag):
        assert self._open, f"</{tag}> closes nothing"
        assert self._open.pop() == tag, f"</{tag}> closes another"

    def handle_data(self, data):
        self.text += data
        self.pieces += [data.strip()] if data.strip() else []

    def handle_comment(self, data):
        raise AssertionError(f"a comment: {data}")

    def values(self, name):
        """Each value of an attribute."""
        return {attributes[name] for _, attributes in self.elements if name in attributes}
