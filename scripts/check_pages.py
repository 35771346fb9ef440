"""Open pages in Chromium and check what a reader with a keyboard, a narrow screen or weak sight meets.

Each page is opened at 1280 and 390 pixels, in light and dark colours. The script fails for each
of these faults, and names the element:

- a serious or critical finding of axe-core,
- a page that is wider than the screen,
- something to operate that the Tab key does not reach: links, buttons and fields, and what has a click
  handler or the cursor of a link,
- a stop of the Tab key without a visible focus: nothing is drawn, the change of outline, border, shadow or
  background has a contrast under 3 (WCAG 2.2, 1.4.11), or the element is hidden or covered,
- a keyboard trap: Tab does not leave an element, or goes back before everything was reached,
- an error of a script on the page, without which the other checks may look at half a page.

Zooming in plotly's figures, which needs a mouse, is left out. Contrast is that of the colours in the style
sheet: background images and the opacity of whole elements are not looked at. The script needs Chromium, and
two packages that the project does not install: `pip install playwright` and `npm install axe-core`.
`nbs/checks.ipynb` tests it with pages that have these faults.

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
most_stops = 5000             # presses of Tab until a page must have ended
shown_nodes = 3               # elements of a finding of axe-core that are named
keyboard_script = Path(__file__).with_suffix(".js").read_text(encoding="utf-8")
# before the page's own scripts: note what has a click handler
note_handlers = """{
  window.clickable = new WeakSet();
  const add = EventTarget.prototype.addEventListener;
  EventTarget.prototype.addEventListener = function(kind, ...rest) {
    const isClick = /^(click|mousedown|mouseup|pointerdown|pointerup)$/.test(kind);
    if (isClick && this instanceof Element) window.clickable.add(this);
    return add.call(this, kind, ...rest);
  };
}"""
still = """*, *::before, *::after {
  transition: none !important; animation: none !important; scroll-behavior: auto !important
}"""


def html_files(paths: list[str], every: int) -> list[Path]:
    "The files, and each `every`-th page below folders. A site's 404.html needs a server and is left out."
    found = []
    for path in map(Path, paths):
        if path.is_dir():
            pages = sorted(file for file in path.rglob("*.html") if file.name != "404.html")
            found += pages[::every]
        elif path.is_file(): found.append(path)
        else:
            sys.exit(f"check_pages: {path} does not exist; "
                     "make the site with `make docs`, a report with dvb_summary")
    if not found:
        sys.exit(f"check_pages: expected HTML pages, found none in {' '.join(paths)}; "
                 "make them with `make docs`")
    return found


def findings(page, axe: str) -> list[str]:
    "What is wrong with the page that is open."
    wide = page.evaluate("document.documentElement.scrollWidth-innerWidth")
    found = []
    if wide > 0: found.append(f"{wide} pixels wider than the screen: {page.evaluate('keyboard.widest()')}")
    page.evaluate(axe)
    for violation in page.evaluate("axe.run({resultTypes: ['violations']})")["violations"]:
        if violation["impact"] in ("serious", "critical"):
            nodes = [node["html"][:120] for node in violation["nodes"]]
            found.append(f"{violation['id']}, {len(nodes)} times: {'; '.join(nodes[:shown_nodes])}")
    return found


def keyboard_findings(page) -> list[str]:
    """What a reader with a keyboard cannot reach, see or leave. Tab is pressed to the end of the page, and
    once more where something was missed, since it may not have begun at the start."""
    found, ends = [], 0
    page.evaluate("keyboard.start()")
    for _ in range(most_stops):
        page.keyboard.press("Tab")
        stop = page.evaluate("keyboard.stop()")
        # what lies behind a trap is not reached
        if "trap" in stop: return [*found, f"keyboard trap: {stop['trap']}"]
        if stop.get("problem"): found.append(stop["problem"])
        ends += "end" in stop
        if "end" not in stop: continue
        missed = page.evaluate("keyboard.missed()")
        if not missed or ends == 2: return found+missed
    return [*found, f"the end of the page was not reached by {most_stops} presses of Tab"]


def main():
    "Check all pages; exit with 1 if anything was found."
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("paths", nargs="+", help="HTML files, and folders of them")
    parser.add_argument("--axe", default="node_modules/axe-core/axe.min.js", help="the script of axe-core")
    parser.add_argument("--every", type=int, default=1, help="check each n-th page of a folder")
    args = parser.parse_args()
    try: from playwright.sync_api import sync_playwright
    except ImportError: sys.exit("playwright is not installed; pip install playwright")
    browser_path = next(filter(None, map(shutil.which, browsers)), None)
    if browser_path is None: sys.exit("no Chromium was found (on Debian: apt install chromium)")
    if not Path(args.axe).is_file(): sys.exit(f"{args.axe} does not exist; npm install axe-core")
    axe, files, n = Path(args.axe).read_text(encoding="utf-8"), html_files(args.paths, args.every), 0
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=["--no-sandbox"])
        for scheme in schemes:
            for width in widths:
                page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
                page.add_init_script(note_handlers)
                errors = []
                page.on("pageerror",
                        lambda error, errors=errors: errors.append(f"error of a script: {error.message}"))
                for file in files:
                    errors.clear()
                    page.goto(file.resolve().as_uri(), timeout=120_000)  # ms; reports are large
                    page.wait_for_timeout(300)
                    page.add_style_tag(content=still)
                    page.evaluate(keyboard_script)
                    found = [*findings(page, axe), *keyboard_findings(page)]
                    for finding in dict.fromkeys([*errors, *found]):
                        n += 1
                        print(f"{file}, {width} pixels, {scheme}: {finding}")
                page.close()
    print(f"{len(files)} pages at {len(widths)} widths in {len(schemes)} schemes: {n} findings")
    sys.exit(1 if n else 0)


if __name__ == "__main__": main()
