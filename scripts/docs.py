"""Gather the site's pages in build/site, with those made from the package, and build _site from them.

A page keeps its path in the repository, so that links between files work on the site as they do in a
checkout. Notebooks become pages without being run. Files that pages link to and that are no pages, such as
scripts, are copied."""
import argparse
import base64
import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from itertools import groupby
from pathlib import Path

import yaml
from docs_reference import root, write_reference

build = root/"build"/"site"
pages = build/"pages"
link = re.compile(r"(!?)\[((?:[^\[\]\n]|\n(?!\n)|\[[^\]]*\])*)\]\(([^)\s]+)\)")
fence = re.compile(r"^\s*(`{3,}|~{3,})")
# in the order of the navigation
guides = ("guide", "verdict", "from_deepvariant", "extend", "cluster", "scale", "faq")
rooms = ("dataset", "images", "simulation", "model", "training", "calling", "verdict", "commands")


def sources() -> dict[str, str]:
    "File of the repository -> page of the site."
    found = {name: name for name in ("CONTRIBUTING.md", "CHANGELOG.md")} | {"README.md": "index.md"}
    for pattern in ("docs/**/*.md", "benchmarks/results/*.md", "nbs/*.ipynb"):
        for path in sorted(root.glob(pattern)):
            name = path.relative_to(root).as_posix()
            found[name] = re.sub(r"README\.md$", "index.md", re.sub(r"\.ipynb$", ".md", name))
    return found


# Markdown

def outside_code(text: str):
    "Pairs of a line and whether it is outside of fenced code."
    closing = None
    for line in text.split("\n"):
        mark = fence.match(line)
        yield line, closing is None and not mark
        if mark and closing is None: closing = mark[1]
        elif mark and line.strip() == closing: closing = None


def with_blank_lines(text: str) -> str:
    "GitHub starts a list or a table right under a paragraph; Python-Markdown needs an empty line before it."
    item, lines, before, was_outside = re.compile(r"^(?:[-*] |\d+\. )"), [], "", True
    for line, outside in outside_code(text):
        starts_list = item.match(line) and not item.match(before) and not before.startswith(" ")
        starts_table = line.startswith("|") and not before.startswith("|")
        if outside and was_outside and before.strip() and (starts_list or starts_table): lines.append("")
        lines.append(line)
        before, was_outside = line, outside
    return "\n".join(lines)


def tracked(folder: Path) -> list[Path]:
    "Files and folders right in a folder that git tracks, in order of their names."
    command = ["git", "-C", str(folder), "ls-files", "-z"]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    names = {line.split("/")[0] for line in listed.split("\0") if line}
    found = [folder/name for name in sorted(names) if (folder/name).exists()]
    if not found:
        raise SystemExit(f"{folder.relative_to(root)}: a page links to it, and git tracks no file in it")
    return found


def file_row(file: Path) -> str:
    "A file as a row of its folder's page, copied for the site. Files over 1 MB stay in the repository."
    size, copy = file.stat().st_size, pages/file.relative_to(root)
    if size <= 1e6:
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, copy)
    shown = f"[{file.name}]({file.name})" if size <= 1e6 else file.name
    return f"| {shown} | {max(size//1000, 1):,} |"


def folder_row(folder: Path, known: dict[str, str]) -> str:
    "A folder as a row of the page of the folder around it."
    page = folder_page(folder, known)
    address = os.path.relpath(known.get(page, page), folder.parent.relative_to(root))
    return f"| [{folder.name}/]({address}) | |"


def folder_page(folder: Path, known: dict[str, str]) -> str:
    "The page of a folder: its README, or a list of the files and folders in it that git tracks."
    name = folder.relative_to(root).as_posix()
    if f"{name}/README.md" in known: return f"{name}/README.md"
    rows = [folder_row(path, known) if path.is_dir() else file_row(path) for path in tracked(folder)]
    lines = [f"# Files of {name}", "", "| file | kB |", "|---|---:|", *rows]
    (pages/name).mkdir(parents=True, exist_ok=True)
    (pages/name/"files.md").write_text("\n".join(lines)+"\n", encoding="utf-8")
    return f"{name}/files.md"


def site_link(target: str, name: str, known: dict[str, str]) -> str:
    "The address on the site of what a file of the repository links to."
    path, mark, anchor = target.partition("#")
    if not path or re.match(r"[a-z]+:", target): return target
    wanted = Path(os.path.normpath((root/name).parent/path))
    if not wanted.is_relative_to(root): raise SystemExit(f"{name}: the link {target} leaves the repository")
    key = wanted.relative_to(root).as_posix()
    if wanted.is_dir(): key = folder_page(wanted, known)
    elif key not in known and wanted.exists():
        (pages/key).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(wanted, pages/key)
    return os.path.relpath(known.get(key, key), Path(known[name]).parent)+mark+anchor


def with_site_links(text: str, name: str, known: dict[str, str]) -> str:
    "A file's text with links to pages of the site."
    def changed(found): return f"{found[1]}[{found[2]}]({site_link(found[3], name, known)})"
    parts = groupby(outside_code(text), key=lambda pair: pair[1])
    texts = [("\n".join(line for line, _ in lines), outside) for outside, lines in parts]
    return "\n".join(link.sub(changed, part) if outside else part for part, outside in texts)


# Notebooks

def fenced(text: str, language: str = "") -> str:
    longest = max((len(run) for run in re.findall(r"`{3,}", text)), default=2)
    return f"{'`'*(longest+1)}{language}\n{text.strip(chr(10))}\n{'`'*(longest+1)}\n"


def without_style(html: str) -> str:
    "HTML that a notebook shows, with the site's own look of tables."
    html = re.sub(r"<style.*?</style>", "", html, flags=re.S)
    html = re.sub(r"<table[^>]*>", "<table>", html)
    html = re.sub(r"<td>(?=[-−–+.\d,%]+</td>)", '<td style="text-align: right;">', html)
    return re.sub(r"^\s+", "", html, flags=re.M)


def output_text(output: dict, name: str, number: str) -> str:
    "What a cell printed or showed: a picture, or text. Interactive figures are left out."
    if output["output_type"] == "stream": return fenced("".join(output["text"]), "text")
    data = output.get("data", {})
    if "image/png" in data:
        picture = pages/"nbs"/f"{name}_{number}.png"
        picture.parent.mkdir(parents=True, exist_ok=True)
        picture.write_bytes(base64.b64decode("".join(data["image/png"])))
        return f"![Output of the cell above]({picture.name})\n"
    if "text/markdown" in data: return "".join(data["text/markdown"])+"\n"
    html = "".join(data.get("text/html", ""))
    if "<script" in html: return ""
    if html: return without_style(html)+"\n"
    return fenced("".join(data["text/plain"]), "text") if "text/plain" in data else ""


def notebook_text(path: Path) -> str:
    "A notebook as Markdown, with its code and outputs. Cells and lines that only nbdev reads are left out."
    parts = []
    for number, cell in enumerate(json.loads(path.read_text(encoding="utf-8"))["cells"]):
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            parts.append(re.sub(r"^- [a-z_]+: *\S+$\n?", "", source, flags=re.M) if number < 2 else source)
        if cell["cell_type"] != "code" or re.search(r"^#\| *hide$", source, flags=re.M): continue
        code = re.sub(r"^#\|.*\n?", "", source, flags=re.M)
        # not searched, since the reference has the functions
        if code.strip(): parts.append(fenced(code, "{.python data-search-exclude=''}"))
        parts += [output_text(output, path.stem, f"{number}_{k}") for k, output in enumerate(cell["outputs"])]
    return "\n\n".join(parts)


def page_text(name: str) -> str:
    "The Markdown of a file of the repository. Notebooks come after other pages in search results."
    path = root/name
    if path.suffix == ".ipynb": return "---\nsearch:\n  boost: 0.3\n---\n\n"+notebook_text(path)
    return path.read_text(encoding="utf-8")


# Navigation

def heading(page: str) -> str:
    return re.search(r"^# (.+)$", (pages/page).read_text(encoding="utf-8"), flags=re.M)[1]


def titled(names: list[str]) -> list:
    "Pages as entries of the navigation, `index.md` first. The names of files tell equal titles apart."
    names = sorted(names, key=lambda name: (Path(name).name != "index.md", name))
    titles = Counter(map(heading, names))
    def entry(name):
        title = heading(name)
        return name if titles[title] == 1 else {f"{title} ({Path(name).stem})": name}
    return [entry(name) for name in names]


def notebook_entries(known: dict[str, str]) -> list[dict]:
    "The notebooks by room, in the order of their numbers."
    groups = {"To run": [], "Ground": []} | {room: [] for room in rooms}
    for name in (n for n in known if n.endswith(".ipynb") and n != "nbs/index.ipynb"):
        number, _, module = Path(name).stem.partition("_")
        room = "To run" if not module else module.split(".")[0] if "." in module else "Ground"
        groups[room].append({module or number: known[name]})
    return [{room: entries} for room, entries in groups.items() if entries]


def navigation(known: dict[str, str]) -> list[dict]:
    "What there is, by kind of page."
    def pages_of(kind): return titled([p for n, p in known.items() if n.startswith(f"docs/{kind}/")])
    of = {kind: pages_of(kind) for kind in ("tutorials", "explain", "results")}
    loose = [n for n in known if re.fullmatch(r"docs/[^/]+\.md", n) and n != "docs/release.md"]
    loose.sort(key=lambda n: (guides.index(Path(n).stem) if Path(n).stem in guides else len(guides), n))
    others = [n for n in known if re.fullmatch(r"docs/[^/]+/.*\.md", n) and n.split("/")[1] not in of]
    results = titled([p for n, p in known.items() if n.startswith("benchmarks/results/")])
    api = [{name: f"reference/api/{name}.md"} for name in ("ground", *rooms)]
    reference = [{name.capitalize(): f"reference/{name}.md"} for name in ("commands", "settings", "formats")]
    sections = {
        "Home": "index.md",
        "Tutorials": of["tutorials"],
        "Guides": [known[n] for n in loose+others],
        "Explanations": of["explain"],
        "Reference": [*reference, {"Functions": api}],
        "Notebooks": ["nbs/index.md", *notebook_entries(known)],
        "Results": [*results[:1], *sorted(of["results"], key=len), {"Tables": results[1:]}],
        "Project": ["CONTRIBUTING.md", "CHANGELOG.md", "docs/release.md"],
    }
    return [{title: entries} for title, entries in sections.items() if entries]


def gather():
    "Write all pages and mkdocs's settings into build/site."
    shutil.rmtree(build, ignore_errors=True)
    pages.mkdir(parents=True)
    known = sources()
    for name, page in known.items():
        text = with_site_links(with_blank_lines(page_text(name)), name, known)
        (pages/page).parent.mkdir(parents=True, exist_ok=True)
        (pages/page).write_text(text, encoding="utf-8")
    write_reference(pages/"reference")
    shutil.copytree(root/"scripts"/"site", pages, dirs_exist_ok=True)
    config = {
        "INHERIT": "../../mkdocs.yml",
        "docs_dir": "pages",
        "site_dir": "../../_site",
        "nav": navigation(known),
    }
    (build/"mkdocs.yml").write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")


if __name__ == "__main__":
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    gather()
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "-f", str(build/"mkdocs.yml")]
    raise SystemExit(subprocess.run(command, env=os.environ | {"NO_MKDOCS_2_WARNING": "1"}).returncode)
