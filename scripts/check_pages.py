"""Open pages in Chromium and check what a reader with a keyboard, a narrow screen or weak sight meets.

Each page is opened at 1280 and 390 pixels, in light and dark colours. The script fails for a serious or
critical finding of axe-core, a page that is wider than the screen, and a stop of the Tab key without a
visible focus. It needs Chromium, and two packages that the project does not install: `pip install playwright`
and `npm install axe-core`.

Usage: python scripts/check_pages.py _site outputs/demo/summary.html
           [--axe node_modules/axe-core/axe.min.js] [--every 1]
"""
import argparse
import shutil
import sys
from pathlib import Path

widths = (1280, 390)          # pixels
schemes = ("light", "dark")
browsers = ("chromium", "google-chrome", "chrome", "chromium-browser")
stops = 40                    # presses of Tab on each page
focus = """() => {
  const e = document.activeElement, r = e.getBoundingClientRect();
  if (e === document.body) return "end";
  const label = e.matches("input") && e.nextElementSibling; // a hidden input marks the label behind it
  const drawn = [e, label].some(x => x && getComputedStyle(x).outlineStyle !== "none");
  const onScreen = r.right > 0 && r.left < innerWidth;
  return drawn && onScreen ? "" : `${e.tagName} ${e.className} ${e.textContent.trim().slice(0, 40)}`;
}"""


def html_files(paths: list[str], every: int) -> list[Path]:
    "The files themselves, and each `every`-th page below folders. 404.html needs a server and is left out."
    found = []
    for path in map(Path, paths):
        if path.is_dir():
            found += sorted(file for file in path.rglob("*.html") if file.name != "404.html")[::every]
        elif path.is_file():
            found.append(path)
        else:
            sys.exit(f"check_pages: {path} does not exist; `make docs` makes the site, dvb_summary a report")
    if not found:
        sys.exit(f"check_pages: expected HTML pages, found none in {' '.join(paths)}; run `make docs`")
    return found


def findings(page, axe: str) -> list[str]:
    "What is wrong with the page that is open."
    wide = page.evaluate("document.documentElement.scrollWidth-innerWidth")
    found = [f"{wide} pixels wider than the screen"] if wide > 0 else []
    page.evaluate(axe)
    for violation in page.evaluate("axe.run({resultTypes: ['violations']})")["violations"]:
        if violation["impact"] in ("serious", "critical"):
            nodes = violation["nodes"]
            found.append(f"{violation['id']}, {len(nodes)} times: {nodes[0]['html'][:120]}")
    return found


def unfocused(page) -> list[str]:
    "Stops of the Tab key that a reader does not see."
    found = []
    for _ in range(stops):
        page.keyboard.press("Tab")
        seen = page.evaluate(focus)
        if seen == "end": break
        if seen: found.append(f"no visible focus: {seen}")
    return found


def main():
    "Check all pages; exit with 1 if anything was found."
    formatter = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=formatter)
    parser.add_argument("paths", nargs="+", help="HTML files, and folders of them")
    parser.add_argument("--axe", default="node_modules/axe-core/axe.min.js", help="the script of axe-core")
    parser.add_argument("--every", type=int, default=1, help="check each n-th page of a folder")
    args = parser.parse_args()
    try: from playwright.sync_api import sync_playwright
    except ImportError: sys.exit("playwright is not installed; pip install playwright")
    browser_path = next(filter(None, map(shutil.which, browsers)), None)
    if browser_path is None: sys.exit("no Chromium was found (on Debian: apt install chromium)")
    if not Path(args.axe).is_file(): sys.exit(f"{args.axe} does not exist; npm install axe-core")
    axe, files = Path(args.axe).read_text(encoding="utf-8"), html_files(args.paths, args.every)
    n = 0
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=["--no-sandbox"])
        for scheme in schemes:
            for width in widths:
                page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
                for file in files:
                    page.goto(file.resolve().as_uri())
                    page.wait_for_timeout(300)
                    unseen = unfocused(page) if scheme == "light" else []
                    for finding in [*findings(page, axe), *unseen]:
                        n += 1
                        print(f"{file}, {width} pixels, {scheme}: {finding}")
                page.close()
    print(f"{len(files)} pages at {len(widths)} widths in {len(schemes)} schemes: {n} findings")
    sys.exit(1 if n else 0)


if __name__ == "__main__": main()
