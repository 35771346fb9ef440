"""Build the documentation site: the pages of docs/, the notebooks, the tables of results, and a generated reference.

The pages are gathered in build/docs, with the folders of the project, so that links between files stay as they are.
Generated: every command with its options, the settings, the formats of files, the API by room.

Usage: python scripts/docs.py [--serve]

The site is written to build/site; open build/site/index.html. --serve shows it on 127.0.0.1:8000.
"""
import argparse
import ast
import importlib
import json
import os
import re
import shutil
import subprocess
import sys
from configparser import ConfigParser
from dataclasses import fields
from pathlib import Path

import yaml

root = Path(__file__).resolve().parent.parent
pages = root/"build"/"docs"
rooms = {"": "Ground", "dataset": "dataset", "images": "images", "simulation": "simulation", "model": "model",
         "training": "training", "calling": "calling", "verdict": "verdict", "commands": "commands"}
copied = ("docs/**/*.md", "docs/**/*.png", "docs/**/*.svg", "docs/results/**/*.csv", "benchmarks/results/*",
          "benchmarks/*.py", "configs/*.yaml", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "CITATION.cff",
          "docker/Dockerfile", "environment.yml")
guides = ("docs/guide.md", "docs/cluster.md", "docs/scale.md", "docs/verdict.md", "docs/from_deepvariant.md",
          "docs/extend.md", "docs/faq.md")


# Pages of the project

def write(name: str, text: str):
    "Write a page."
    path = pages/name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def as_site_links(text: str) -> str:
    "Markdown in which links to notebooks lead to their pages, and the README to the first page."
    text = re.sub(r"(\]\([^)#]*)\.ipynb(#[^)]*)?\)", r"\1.md\2)", text)
    return text.replace("(README.md)", "(index.md)").replace("(../README.md)", "(../index.md)")


def copy_pages():
    "The project's own pages and files that they name."
    write("index.md", as_site_links((root/"README.md").read_text()))
    for pattern in copied:
        for source in sorted(root.glob(pattern)):
            if source.is_dir(): continue
            target = pages/source.relative_to(root)
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.suffix == ".md": target.write_text(as_site_links(source.read_text()))
            else: shutil.copyfile(source, target)


def notebook_page(path: Path) -> str:
    "A notebook as Markdown: its prose and code, without the cells that it hides."
    parts = ["---\nsearch:\n  exclude: true\n---\n"]
    for cell in json.loads(path.read_text())["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown": parts.append(as_site_links(source))
        if cell["cell_type"] != "code" or re.match(r"#\| *(hide|default_exp)", source): continue
        code = "\n".join(line for line in source.split("\n") if not line.startswith("#|"))
        if code.strip(): parts.append(f"```python\n{code.strip()}\n```")
    return "\n\n".join(parts)+"\n"


def write_notebooks():
    for path in sorted((root/"nbs").glob("*.ipynb")): write(f"nbs/{path.stem}.md", notebook_page(path))


# Reference

def cell(text) -> str:
    "A text in a cell of a table."
    return str(text).replace("|", "\\|").replace("\n", " ").replace("<", "&lt;")


def table(head: list[str], rows: list[list]) -> str:
    "A Markdown table."
    lines = [head, ["---"]*len(head), *rows]
    return "\n".join("| "+" | ".join(map(cell, line))+" |" for line in lines)


def console_commands() -> dict[str, str]:
    "Command -> module."
    settings = ConfigParser(delimiters=["="])
    settings.read(root/"settings.ini")
    pairs = [line.split("=") for line in settings["DEFAULT"]["console_scripts"].split()]
    return {name: target.split(":")[0] for name, target in pairs}


def default_text(value) -> str:
    "The default of an option."
    if value in (None, "", False): return ""
    return f"`{value}`"


def command_section(name: str, module: str) -> str:
    "A command, its arguments and options."
    from dv_bench.commands.entry import option_parser
    function = getattr(importlib.import_module(module), name)
    parser = option_parser(getattr(function, "__wrapped__", function))
    rows = []
    for action in parser._actions:
        if action.dest in ("help", "pdb", "xtra"): continue
        names = ", ".join(f"`{option}`" for option in action.option_strings) or f"`{action.dest.upper()}`"
        meaning = re.sub(r" \(default: .*\)$", "", action.help or "")
        rows.append([names, meaning, default_text(action.default)])
    return f"## {name}\n\n{' '.join((function.__doc__ or '').split())}\n\n{table(['argument', 'meaning', 'default'], rows)}\n"


def commands_page() -> str:
    sections = [command_section(name, module) for name, module in console_commands().items()]
    intro = "Every command also prints this with `--help`. [The guide](../docs/guide.md) shows them at work."
    return "\n".join(["# Commands", "", intro, "", *sections])


def settings_page() -> str:
    from dv_bench.training.settings import Config
    rows = []
    for field in fields(Config):
        kind = getattr(field.type, "__name__", str(field.type))
        rows.append([f"`{field.name}`", field.metadata["meaning"], kind, f"`{json.dumps(field.default)}`"])
    intro = ("Each is a parameter of [train](../nbs/train.md): `papermill nbs/train.ipynb OUT -p NAME VALUE`, "
             "`dvb_train ARCH -p NAME VALUE`, or a line of a file for `dvb_train --config`.")
    return f"# Settings of training\n\n{intro}\n\n{table(['setting', 'meaning', 'type', 'default'], rows)}\n"


def source_of(path: str, name: str) -> str:
    "The lines that define a name in a module, with their comments."
    text = (root/"dv_bench"/path).read_text()
    for node in ast.parse(text).body:
        names = [getattr(node, "name", "")]
        if isinstance(node, ast.Assign): names = [getattr(target, "id", "") for target in node.targets]
        if name in names: return "\n".join(text.split("\n")[node.lineno-1:node.end_lineno])
    raise SystemExit(f"docs.py: dv_bench/{path} defines no {name}")


def formats_page() -> str:
    from dv_bench.commands.study_file import study_form
    from dv_bench.dataset.folder import dataset_form
    from dv_bench.training.runs import run_form
    parts = ["# Formats of files", "", "What is written, and the form that is checked when it is read.", ""]
    shown = [("Examples: examples.parquet", "dataset/rows.py", "index_schema"), ("Runs: run.json", "training/runs.py", "RunRecord")]
    for title, path, name in shown: parts += [f"## {title}", "", f"```python\n{source_of(path, name)}\n```", ""]
    forms = [("dataset.json", dataset_form), ("run.json", run_form), ("a study file", study_form)]
    for title, form in forms:
        parts += [f"## JSON Schema of {title}", "", f"```json\n{json.dumps(form, indent=1)}\n```", ""]
    return "\n".join(parts)


def signature(lines: list[str], node) -> str:
    "The lines of a definition up to its docstring, with the comments that describe its parameters."
    first = node.body[0]
    last = max(node.lineno, first.lineno-1)
    return "\n".join(lines[node.lineno-1:last])


def definition(lines: list[str], node, level: int, prefix: str = "") -> list[str]:
    "A function or class: heading, signature, docstring; of a class also its public methods."
    doc = ast.get_docstring(node) or ""
    parts = [f"{'#'*level} {prefix}{node.name}", "", f"```python\n{signature(lines, node)}\n```", "", doc, ""]
    if isinstance(node, ast.ClassDef):
        methods = [n for n in node.body if isinstance(n, ast.FunctionDef) and not n.name.startswith("_")]
        for method in methods: parts += definition(lines, method, level+1, f"{node.name}.")
    return parts


def module_section(path: Path) -> list[str]:
    "What a module exports."
    lines = path.read_text().split("\n")
    tree = ast.parse("\n".join(lines))
    notebook = re.search(r"File to edit: \S*nbs/(\S+)\.ipynb", "\n".join(lines[:12]))
    if not notebook: return []
    parts = [f"## {path.stem}", "", f"{ast.get_docstring(tree) or ''}. [Notebook](../../nbs/{notebook[1]}.md)", ""]
    kinds = (ast.FunctionDef, ast.ClassDef)
    public = [node for node in tree.body if isinstance(node, kinds) and not node.name.startswith("_")]
    for node in public: parts += definition(lines, node, 3)
    return parts


def api_page(room: str) -> str:
    "The public functions and classes of a room."
    title = f"dv_bench.{room}" if room else "dv_bench"
    parts = [f"# {title}", ""]
    for path in sorted((root/"dv_bench"/room).glob("*.py")):
        if not path.name.startswith("_"): parts += module_section(path)
    return "\n".join(parts)+"\n"


def write_reference():
    write("reference/commands.md", commands_page())
    write("reference/settings.md", settings_page())
    write("reference/formats.md", formats_page())
    for room in rooms: write(f"reference/api/{room or 'ground'}.md", api_page(room))


# Navigation

def existing(names: list[str]) -> list[str]:
    "Pages that are there."
    return [name for name in names if (pages/name).exists()]


def below(folder: str) -> list[str]:
    "The pages of a folder."
    return sorted(path.relative_to(pages).as_posix() for path in (pages/folder).glob("*.md"))


def notebooks_by_room() -> list:
    "Navigation of the notebooks."
    groups = {}
    for name in below("nbs"):
        part = Path(name).stem.split("_", 1)[-1]
        room = part.split(".")[0] if "." in part else "Ground" if part != Path(name).stem else "To run"
        groups.setdefault(room, []).append(name)
    return [{room: names} for room, names in groups.items()]


def navigation() -> list:
    "The pages by section."
    results = [*below("docs/results"), *below("benchmarks/results")]
    reference = ["reference/commands.md", "reference/settings.md", "reference/formats.md"]
    api = [{title: f"reference/api/{room or 'ground'}.md"} for room, title in rooms.items()]
    sections = {
        "Start": "index.md", "Tutorials": below("docs/tutorials"), "Guide": existing(guides),
        "Explanations": below("docs/explain"), "Reference": [*reference, {"API": api}], "Results": results,
        "Notebooks": notebooks_by_room(), "Project": ["CHANGELOG.md", "CONTRIBUTING.md", "docs/release.md"],
    }
    return [{title: content} for title, content in sections.items() if content]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--serve", action="store_true", help="show the site on 127.0.0.1:8000")
    args = parser.parse_args()
    shutil.rmtree(pages, ignore_errors=True)
    copy_pages()
    write_notebooks()
    write_reference()
    settings = {"INHERIT": "../mkdocs.yml", "docs_dir": "docs", "site_dir": "site", "nav": navigation()}
    (root/"build"/"mkdocs.yml").write_text(yaml.safe_dump(settings, sort_keys=False))
    os.environ["NO_MKDOCS_2_WARNING"] = "1"  # an advertisement of its successor
    action = ["serve", "--dev-addr", "127.0.0.1:8000"] if args.serve else ["build", "--quiet"]
    sys.exit(subprocess.run([sys.executable, "-m", "mkdocs", *action, "--config-file", root/"build"/"mkdocs.yml"]).returncode)


if __name__ == "__main__": main()
