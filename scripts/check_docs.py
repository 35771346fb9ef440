"""Check the built documentation site: no dead link or anchor, and nothing loaded from another host.

Usage: python scripts/check_docs.py [build/site]
"""
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

loading = {("script", "src"), ("img", "src"), ("link", "href"), ("iframe", "src"), ("source", "src"), ("video", "src")}
no_resource = {"canonical", "alternate", "edit", "next", "prev", "license"}  # relations of <link> that load nothing


class Page(HTMLParser):
    "The anchors of a page, its links and what it loads."
    def __init__(self, path: Path):
        super().__init__()
        self.anchors, self.links, self.loads = set(), [], []
        self.feed(path.read_text())

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        for name in ("id", "name"):
            if given.get(name): self.anchors.add(given[name])
        if tag == "a" and given.get("href"): self.links.append(given["href"])
        for name in ("src", "href"):
            is_loaded = (tag, name) in loading and given.get("rel") not in no_resource
            if is_loaded and given.get(name): self.loads.append(given[name])


def problems_of(path: Path, page: Page, pages: dict[Path, Page]) -> list[str]:
    "What is wrong with the links of a page."
    found = [f"loads {url}" for url in page.loads if urlsplit(url).netloc]
    for link in [*page.links, *page.loads]:
        parts = urlsplit(link)
        if parts.scheme or parts.netloc: continue
        target = path if not parts.path else (path.parent/unquote(parts.path)).resolve()
        if target.is_dir(): target = target/"index.html"
        if not target.exists(): found.append(f"dead link {link}")
        elif parts.fragment and target in pages and unquote(parts.fragment) not in pages[target].anchors:
            found.append(f"no such anchor: {link}")
    return found


def main():
    site = Path(sys.argv[1] if len(sys.argv) > 1 else "build/site").resolve()
    if not (site/"index.html").exists(): sys.exit(f"{site} has no index.html; build the site with `make docs`")
    # the page for missing addresses has links from the root of a server
    pages = {path: Page(path) for path in sorted(site.rglob("*.html")) if path.name != "404.html"}
    found = [(path, problem) for path, page in pages.items() for problem in problems_of(path, page, pages)]
    for path, problem in found[:50]: print(f"{path.relative_to(site)}: {problem}")
    n_links = sum(len(page.links) for page in pages.values())
    print(f"{len(pages)} pages, {n_links:,} links: {len(found)} problems")
    sys.exit(bool(found))


if __name__ == "__main__": main()
