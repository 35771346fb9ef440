"""Check a built site: internal links and anchors lead somewhere, and nothing comes from another host."""
import argparse
import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

loaded = {  # element -> attributes that make a browser load something
    "script": ("src",),
    "img": ("src", "srcset"),
    "iframe": ("src",),
    "source": ("src", "srcset"),
    "video": ("src", "poster"),
    "audio": ("src",),
    "object": ("data",),
    "embed": ("src",),
    "image": ("href", "xlink:href"),
    "use": ("href", "xlink:href"),
    "input": ("src",),
    "track": ("src",),
}
loading_links = {
    "stylesheet", "icon", "preload", "preconnect", "dns-prefetch", "prefetch", "modulepreload", "manifest"}


class Page(HTMLParser):
    "The anchors, links and loaded files of a page."
    def __init__(self, text: str):
        super().__init__()
        self.anchors, self.links, self.loads, self.style, self.in_style = {"", "top"}, [], [], "", False
        self.has_mermaid = False
        self.feed(text)
        self.loads += style_loads(self.style)

    def handle_starttag(self, tag, attributes):
        given = {name: value or "" for name, value in attributes}
        self.in_style = tag == "style"
        self.anchors |= {given[name] for name in ("id", "name") if name in given}
        self.has_mermaid |= "mermaid" in given.get("class", "").split()
        self.loads += style_loads(given.get("style", ""))
        if tag == "a" and "href" in given: self.links.append(given["href"])
        if tag == "link" and loading_links & set(given.get("rel", "").split()):
            self.loads.append(given.get("href", ""))
        for name in loaded.get(tag, ()):
            value = given.get(name, "")
            if name == "srcset": self.loads += [part.split()[0] for part in value.split(",") if part.strip()]
            elif value: self.loads.append(value)

    def handle_data(self, data):
        if self.in_style: self.style += data

    def handle_endtag(self, tag):
        if tag == "style": self.in_style = False


def style_loads(text: str) -> list[str]:
    "What a style sheet or a style loads."
    return [a or b for a, b in re.findall(r"url\(\s*['\"]?([^'\")]+)|@import\s+['\"]([^'\"]+)", text)]


def is_outside(address: str) -> bool:
    return bool(re.match(r"(?:https?:)?//", address))


class Site:
    "The pages of a folder, each read once."
    def __init__(self, folder: Path):
        self.folder, self.pages = folder.resolve(), {}
        for path in sorted(self.folder.rglob("*.html")):
            self.pages[path] = Page(path.read_text(encoding="utf-8"))

    def target(self, path: Path, address: str) -> Path:
        "The file that an address on a page means."
        inner = unquote(urlsplit(address).path)
        if not inner: return path
        found = Path(self.folder, inner.lstrip("/")) if inner.startswith("/") else path.parent/inner
        found = found.resolve()
        return found/"index.html" if found.is_dir() else found

    def link_problem(self, path: Path, address: str) -> str:
        "What is wrong with a link or a loaded file; empty when it leads somewhere."
        if re.match(r"(?:[a-z][a-z0-9+.-]*:|//)", address): return ""
        found, anchor = self.target(path, address), unquote(urlsplit(address).fragment)
        if not found.is_relative_to(self.folder): return "leaves the site"
        if not found.exists(): return "leads nowhere"
        if anchor and found in self.pages and anchor not in self.pages[found].anchors:
            return "has no such anchor"
        return ""

    def problems(self) -> list[str]:
        "A line for each problem."
        lines = []
        for path, page in self.pages.items():
            name = path.relative_to(self.folder)
            for address in dict.fromkeys(page.links+page.loads):
                problem = self.link_problem(path, address) if name.name != "404.html" else ""
                if problem: lines.append(f"{name}: {address} {problem}")
            loads = filter(is_outside, dict.fromkeys(page.loads))
            lines += [f"{name}: {address} is loaded from another host" for address in loads]
            if page.has_mermaid:
                lines.append(f"{name}: the theme would load mermaid from another host; use a picture")
        for path in sorted(self.folder.rglob("*.css")):
            name = path.relative_to(self.folder)
            loads = filter(is_outside, style_loads(path.read_text(encoding="utf-8")))
            lines += [f"{name}: {address} is loaded from another host" for address in loads]
        return lines


def self_test():
    "A page with one problem of each kind."
    import tempfile
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "b.html").write_text("<h1 id=here></h1>")
        Path(folder, "a.html").write_text(
            "<a href=b.html#here></a><a href=b.html#gone></a><a href=c.html></a>"
            "<a href=https://example.org></a><a href=../x></a><img src=//example.org/i.png>"
            "<style>@import 'https://example.org/s.css'</style>")
        found = Site(Path(folder)).problems()
    expected = [
        "b.html#gone has no such anchor",
        "c.html leads nowhere",
        "../x leaves the site",
        "//example.org/i.png is loaded from another host",
        "https://example.org/s.css is loaded from another host",
    ]
    assert found == [f"a.html: {line}" for line in expected], found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=Path("_site"))
    self_test()
    site = Site(parser.parse_args().folder)
    if not site.pages: raise SystemExit(f"{site.folder} has no pages; build the site with make docs")
    found = site.problems()
    print("\n".join(found) if found else f"{len(site.pages)} pages: no dead link, nothing from another host")
    raise SystemExit(bool(found))
