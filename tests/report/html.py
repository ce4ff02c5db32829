"""What a page is made of, for tests that ask it."""

import base64
import html.parser
import io
import re

from PIL import Image

VOID = {"meta", "link", "img", "br", "input", "hr"}


class Page(html.parser.HTMLParser):
    """A page that is well-formed: every element that is opened is closed, in order."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.words, self._open = [], [], []
        self.feed(text)
        self.close()
        assert self._open == []
        self.text = re.sub(r"\s+", " ", " ".join(self.words))

    def handle_starttag(self, tag, attrs):
        names = [name for name, _ in attrs]
        assert len(set(names)) == len(names), (tag, names)
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        if not self._open or self._open[-1] != "style":
            self.words.append(data)

    def all(self, tag, **wanted):
        """The attributes of the elements of a kind, whose classes are among others the given."""
        kind = wanted.get("kind")
        return [a for t, a in self.elements if t == tag and (kind is None or kind in (a.get("class") or "").split())]  # fmt: skip

    def pictures(self):
        """Every image of the page, decoded."""
        addresses = [a["src"] for a in self.all("img")] + [a["href"] for a in self.all("image")]
        return [decoded(address) for address in addresses]


def decoded(address):
    head, _, data = address.partition(",")
    assert head == "data:image/png;base64"
    picture = Image.open(io.BytesIO(base64.b64decode(data, validate=True)))
    picture.load()
    return picture


def check_whole(page):
    """Nothing is fetched, nothing runs, nothing is named twice, and every image is there."""
    tags = {tag for tag, _ in page.elements}
    assert not tags & {"script", "iframe", "object", "embed", "base", "form", "audio", "video"}
    identities = [a["id"] for _, a in page.elements if "id" in a]
    assert len(set(identities)) == len(identities)
    for tag, attributes in page.elements:
        assert not any(name.startswith("on") for name in attributes), (tag, attributes)
        for name in ("src", "href", "srcset", "action", "xlink:href"):
            address = attributes.get(name) or "data:,"
            assert address.startswith("data:") or address[1:] in identities, (tag, address)
        assert "url(" not in (attributes.get("style") or "")
    assert "default-src 'none'" in next(a["content"] for a in page.all("meta") if "http-equiv" in a)
    assert page.pictures() is not None
