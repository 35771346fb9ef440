"""Pages of the reference, made from the package: commands, settings, formats, and each room's functions."""
import argparse
import ast
import dataclasses
import importlib
import inspect
import io
import math
import re
import sys
import tokenize
from configparser import ConfigParser
from html import escape
from pathlib import Path

root = Path(__file__).resolve().parent.parent
made = "*This page is made from the package when the site is built.*"


def plain(text: str) -> str:
    "A text in which Markdown and HTML see no markup."
    text = escape(text, quote=False)
    for mark in "|*_[]{}`\\": text = text.replace(mark, f"&#{ord(mark)};")
    return text


def code(value) -> str:
    "A text as code in a cell of a Markdown table; nothing for an empty text."
    text = " ".join(str(value).split())
    return f"<code>{plain(text)}</code>" if text else ""


def cell(value) -> str:
    "A text as one cell of a Markdown table; what stands in backticks is code."
    parts = re.split(r"`([^`]+)`", " ".join(str(value).split()))
    return "".join(code(part) if i % 2 else plain(part) for i, part in enumerate(parts))


def table(heads: list[str], rows: list[list[str]]) -> str:
    "A Markdown table of finished cells; nothing without rows."
    if not rows: return ""
    lines = [heads, ["---"]*len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)+"\n"


def comments(source: str) -> dict[int, str]:
    "Line -> the text of its comment."
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return {t.start[0]: t.string.lstrip("#").strip() for t in tokens if t.type == tokenize.COMMENT}


def comment_of(found: dict[int, str], start: int, stop: int) -> str:
    "The comments of the lines from start to before stop, as one text."
    return " ".join(found[line] for line in range(start, stop) if line in found)


# Commands

def console_scripts() -> dict[str, str]:
    "Command -> module:function, as settings.ini lists them."
    settings = ConfigParser(delimiters=["="])
    settings.read(root/"settings.ini")
    return dict(line.strip().split("=") for line in settings["DEFAULT"]["console_scripts"].split("\n"))


def option_value(action: argparse.Action) -> str:
    "What an option is followed by: nothing for a switch."
    if action.nargs == 0: return ""
    if action.choices: return ", ".join(map(str, action.choices))
    name = getattr(action.type, "__name__", "") or "str"
    kind = {"str": "text", "int": "integer", "float": "number"}.get(name, "text")
    many = {"+": "one or more", "*": "any number", "?": "optional"}.get(action.nargs, "")
    return f"{kind}, {many}" if many else kind


def option_row(action: argparse.Action) -> list[str]:
    "An option or argument as a row: its names, meaning, value and default."
    names = ", ".join(action.option_strings) or action.dest
    hidden = action.default in (None, argparse.SUPPRESS, "", (), False) or action.nargs == 0
    meaning = (action.help or "").replace("%(default)s", str(action.default))
    meaning = re.sub(r" *\(default: (?:\(\)|[^()]*)\)$", "", meaning)
    needed = "" if action.option_strings and not action.required else "needed"
    if action.nargs in ("*", "?"): needed = ""
    default = needed if hidden else code(action.default)
    return [code(names), cell(meaning), cell(option_value(action)), default]


def command_section(name: str, target: str) -> str:
    "The section of a command, from the parser of its options."
    from dv_bench.commands.entry import option_parser
    module, function = target.split(":")
    loaded = importlib.import_module(module)
    parser = option_parser(inspect.unwrap(getattr(loaded, function)))
    actions = [a for a in parser._actions if a.dest not in ("help", "pdb", "xtra")]
    positional = [a for a in actions if not a.option_strings and a.nargs not in ("*", "?")]
    words = [name, *(a.dest.upper()+" ..."*(a.nargs == "+") for a in positional), "[options]"]
    return "\n".join([
        f"## {name}", "",
        cell(parser.description or ""), "",
        "```", " ".join(words), "```", "",
        table(["option", "meaning", "value", "default"], [option_row(a) for a in actions]),
        f"Source: [{module.removeprefix('dv_bench.')}](../nbs/{notebook_of(loaded)})", ""])


def notebook_of(module) -> str:
    "The name of the notebook that exports a module."
    line = next(line for line in inspect.getsource(module).splitlines() if "File to edit:" in line)
    return line.split("nbs/")[1].rstrip(".").strip().removesuffix(".ipynb")+".md"


def commands_page() -> str:
    sections = [command_section(name, target) for name, target in sorted(console_scripts().items())]
    intro = ("Each command prints these options with `--help`. Files and folders are relative to the current "
             "folder.")
    return "\n".join(["# Commands", "", intro, "", made, "", *sections])


# Settings

def allowed(f: dataclasses.Field) -> str:
    "The values that a setting can have, besides its type."
    low, high = f.metadata["low"], f.metadata["high"]
    if f.metadata["choices"]: return ", ".join(code(c) for c in f.metadata["choices"])
    return "" if low == -math.inf else f"{number(low)} to {number(high)}"


def number(value: float) -> str:
    return f"{int(value):,}" if value == int(value) else f"{value:g}"


def type_name(kind) -> str:
    return getattr(kind, "__name__", str(kind))


def settings_page() -> str:
    from dv_bench.training.settings import Config
    rows = [[code(f.name), cell(f.metadata["meaning"]), code(repr(f.default)), allowed(f),
             code(type_name(f.type) if isinstance(f.type, type) else f.type),
             "yes" if f.metadata["compared"] else ""]
            for f in dataclasses.fields(Config)]
    intro = ("The settings of `dvb_train` (`-p NAME VALUE`, or a YAML file with `--config`) and of the first "
             "cell of [train.ipynb](../nbs/train.md). Runs of one experiment must agree in the settings that "
             "are marked as compared.")
    return "\n".join(["# Settings of training", "", intro, "", made, "",
                      table(["setting", "meaning and unit", "default", "allowed", "type", "compared"], rows),
                      "Source: [training.settings](../nbs/44_training.settings.md)", ""])


# Formats

def form_text(form: dict) -> str:
    "A JSON Schema in words."
    if "anyOf" in form: return " or ".join(form_text(f) for f in form["anyOf"])
    if "enum" in form: return " or ".join(map(str, form["enum"]))
    kind = form.get("type", "any value")
    if isinstance(kind, list): return " or ".join(kind)
    if kind == "array":
        least, most = form.get("minItems"), form.get("maxItems")
        length = f" of {least}" if least and least == most else ""
        return f"list{length}: {form_text(form['items'])}"
    if "minimum" in form: return f"{kind}, at least {form['minimum']}"
    if "pattern" in form: return f"{kind} that matches {form['pattern']}"
    if kind == "object" and form.get("properties"): return f"object with {', '.join(form['properties'])}"
    return kind


def form_table(form: dict, meanings: dict[str, str]) -> str:
    "The keys of an object's form, with their meanings where these are given."
    heads = ["key", *["meaning"][:len(meanings)], "form", "needed"]
    rows = [[code(key), *[cell(meanings.get(key, ""))][:len(meanings)], cell(form_text(part)),
             "yes" if key in form["required"] else ""]
            for key, part in form["properties"].items()]
    return table(heads, rows)


def record_meanings(source: str, name: str) -> dict[str, str]:
    "Key -> comment, of a class of annotated keys."
    tree, found = ast.parse(source), comments(source)
    found_class = next(n for n in tree.body if getattr(n, "name", "") == name)
    keys = [n for n in found_class.body if isinstance(n, ast.AnnAssign)]
    stops = [n.lineno for n in keys[1:]]+[keys[-1].end_lineno+2]
    return {n.target.id: comment_of(found, n.lineno, stop) for n, stop in zip(keys, stops)}


def column_meanings(source: str) -> dict[str, str]:
    "Column -> comment, of a schema that is a list of pairs."
    found = comments(source)
    tuples = [n for n in ast.walk(ast.parse(source)) if isinstance(n, ast.Tuple)]
    pairs = [n for n in tuples if isinstance(n.elts[0], ast.Constant)]
    return {n.elts[0].value: found.get(n.lineno, "") for n in pairs if isinstance(n.elts[0].value, str)}


dataset_meanings = {
    "n": "number of images",
    "shape": "channels, height and width of an image, in pixels",
    "channels": "names of the channels, in order",
    "fingerprint": "SHA-256 over all rows of the index, hex",
    "class_counts": "images of the labels 0, 1 and 2",
    "unlabelled": "images without a label",
    "samples": "names of the samples",
    "reference": "contigs and lengths of the reference genome; null where it is unknown",
    "simulated": "whether the reads were simulated",
    "options": "how the images were made",
    "made_from": "the datasets that this one was made from",
}


def formats_page() -> str:
    from dv_bench.commands import study_file
    from dv_bench.dataset import folder, rows, writer
    from dv_bench.training import runs
    meanings = column_meanings(inspect.getsource(rows))
    meanings[writer.checksum_field.name] = "CRC-32C of the compressed image in images.b2nd"
    columns = [[code(f.name), cell(f.type), cell(meanings.get(f.name, ""))] for f in writer.stored_schema]
    predicted = [
        [code("role"), "string", "train, tune or test"],
        ["the columns of examples.parquet", "", "of the image"],
        *([code(f"p{k}"), "float", f"probability of {k} copies of the shown alts"] for k in range(3)),
    ]
    return "\n".join([
        "# Formats", "",
        "Files of dataset folders, run folders and studies. The forms are those that are checked when a file "
        "is read; further keys are kept and not read.", "", made, "",
        "## Dataset folder", "", "`dataset.json`, `examples.parquet`, `images.b2nd` and `manifest.json`.", "",
        "### dataset.json", "", form_table(folder.dataset_form, dataset_meanings), "",
        "### examples.parquet", "", "A row for each image.", "",
        table(["column", "type", "meaning"], columns), "",
        "### images.b2nd", "",
        "A blosc2 array of uint8 with the shape (images, channels, height, width), one image in a chunk. "
        "Source: [dataset.writer](../nbs/11a_dataset.writer.md)", "",
        "### manifest.json", "",
        "The size in bytes and the SHA-256 of each file of the folder, in `files`; run folders have the same "
        "file. Source: [manifest](../nbs/00b_manifest.md)", "",
        "## Run folder", "",
        f"`outputs/EXPERIMENT/ARCH/foldF_seedS/` with {', '.join(f'`{n}`' for n in runs.run_files)} and "
        "`manifest.json`. "
        f"{' and '.join(f'`{n}`' for n in runs.optional_files)} may be removed to save space.", "",
        "### run.json", "",
        form_table(runs.run_form, record_meanings(inspect.getsource(runs), "RunRecord")), "",
        "### history.csv", "",
        "A row for each epoch and role, with at least the columns `epoch`, `role`, `loss`, `f1` and "
        "`seconds`.", "",
        "### predictions.parquet", "", "A row for each predicted image.", "",
        table(["column", "type", "meaning"], predicted), "",
        "## Study file", "", "The YAML file of `dvb_study`; see [cluster](../docs/cluster.md).", "",
        form_table(study_file.study_form, {}), ""])


# Functions and classes

def annotation(node) -> tuple[str, str]:
    "Type and meaning of an annotation; `Param(meaning, type)` of a command gives both."
    if node is None: return "", ""
    if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Param":
        kind = ast.unparse(node.args[1]) if len(node.args) > 1 else ""
        return kind, ast.literal_eval(node.args[0]) if isinstance(node.args[0], ast.Constant) else ""
    return ast.unparse(node).strip("'"), ""


def parameters(node, found: dict[int, str]) -> list[tuple[str, str, str, str]]:
    "Name, type, default and comment of each parameter and, at the end, of what is returned."
    spec = node.args
    plain = spec.posonlyargs+spec.args
    defaults = [None]*(len(plain)-len(spec.defaults))+spec.defaults+spec.kw_defaults
    given = [(a, a.arg, d) for a, d in zip(plain+spec.kwonlyargs, defaults)]
    given += [(a, stars+a.arg, None) for a, stars in ((spec.vararg, "*"), (spec.kwarg, "**")) if a]
    given.sort(key=lambda item: (item[0].lineno, item[0].col_offset))
    body = node.body[0].lineno
    end = node.returns.lineno if node.returns else max([body-1, node.lineno+1])
    if node.returns is None and given: end = body-1 if body-1 > given[-1][0].lineno else body
    starts = [a.lineno for a, *_ in given]
    rows = []
    for i, (a, name, default) in enumerate(given):
        stop = starts[i+1] if i+1 < len(given) else end
        kind, meaning = annotation(a.annotation)
        meaning = meaning or comment_of(found, a.lineno, stop)
        rows.append((name, kind, ast.unparse(default) if default else "", meaning))
    returned = comment_of(found, end, body)
    if node.returns or returned: rows.append(("returns", annotation(node.returns)[0], "", returned))
    return [row for row in rows if row[0] not in ("self", "cls")]


def signature(node, name: str) -> str:
    rows = [r for r in parameters(node, {}) if r[0] != "returns"]
    shown = f"{name}({', '.join(n+(f'={d}' if d else '') for n, _, d, _ in rows)})"
    if len(shown) <= 100: return shown
    return f"{name}(\n    "+",\n    ".join(n+(f"={d}" if d else "") for n, _, d, _ in rows)+",\n)"


def doc(node) -> str:
    return "\n\n".join(cell(part) for part in (ast.get_docstring(node) or "").split("\n\n"))


def function_text(node, found, module: str) -> str:
    given = parameters(node, found)
    rows = [[code(n) if n != "returns" else n, code(t), code(d), cell(c)] for n, t, d, c in given]
    return "\n".join([
        f"### {node.name} {{#{module}.{node.name}}}", "",
        "```python", signature(node, node.name), "```", "",
        doc(node), "",
        table(["parameter", "type", "default", "meaning"], rows)])


def class_text(node, found, module: str) -> str:
    methods = [n for n in node.body if isinstance(n, ast.FunctionDef)]
    first = next((n for n in methods if n.name == "__init__"), None)
    keys = [n for n in node.body if isinstance(n, ast.AnnAssign)]
    stops = [n.end_lineno+1 for n in keys]
    values = [ast.unparse(n.value) if n.value else "" for n in keys]
    fields = [[code(n.target.id), code(annotation(n.annotation)[0]), code(value) if len(value) < 40 else "",
               cell(comment_of(found, n.lineno, stop))] for n, value, stop in zip(keys, values, stops)]
    public = [n for n in methods if not n.name.startswith("_")]
    shown = signature(first, node.name) if first else f"class {node.name}"
    parts = [f"### {node.name} {{#{module}.{node.name}}}", "", "```python", shown, "```", "", doc(node), ""]
    if first:
        given = parameters(first, found)
        fields = [[code(n), code(t), code(d), cell(c)] for n, t, d, c in given]+fields
    def meaning(n): return doc(n) or cell(comment_of(found, n.lineno, n.body[0].lineno))
    rows = [[code(signature(n, n.name)), meaning(n)] for n in public]
    return "\n".join([
        *parts,
        table(["parameter or field", "type", "default", "meaning"], fields), "",
        table(["method", "meaning"], rows)])


def module_text(path: Path) -> str:
    "What a module exports, in the order of its definitions."
    source = path.read_text(encoding="utf-8")
    tree, found = ast.parse(source), comments(source)
    name = ".".join(path.relative_to(root/"dv_bench").with_suffix("").parts)
    origin = next(line for line in source.splitlines() if "File to edit:" in line)
    notebook = origin.split("nbs/")[1].rstrip(".")
    address = f"../../nbs/{notebook.removesuffix('.ipynb')}.md"
    parts = [
        f"## {name} {{#{name}}}", "",
        cell(ast.get_docstring(tree) or ""), "",
        f"Source: [{notebook}]({address})", "",
    ]
    for node in tree.body:
        if not hasattr(node, "name") or node.name.startswith("_"): continue
        if isinstance(node, ast.ClassDef): parts.append(class_text(node, found, name))
        else: parts.append(function_text(node, found, name))
    return "\n".join(parts)


def room_page(title: str, summary: str, paths: list[Path]) -> str:
    return "\n".join([f"# {title}", "", cell(summary), "", made, "", *(module_text(path) for path in paths)])


def room_pages() -> dict[str, str]:
    "Room -> page; `ground` holds the modules outside of rooms."
    def of(folder):
        files = [p for p in sorted(folder.glob("*.py")) if not p.name.startswith("_")]
        return [p for p in files if "File to edit" in p.read_text()]
    package = root/"dv_bench"
    ground = "Names, genome, files and processes: what all rooms use."
    pages = {"ground": room_page("Ground", ground, of(package))}
    for init in sorted(package.glob("*/__init__.py")):
        name = init.parent.name
        if of(init.parent):
            meaning = ast.get_docstring(ast.parse(init.read_text())) or ""
            pages[name] = room_page(name, meaning, of(init.parent))
    return pages


def write_reference(folder: Path):
    "Write the pages of the reference into a folder."
    sys.path.insert(0, str(root))
    pages = {"commands": commands_page(), "settings": settings_page(), "formats": formats_page()}
    pages |= {f"api/{name}": page for name, page in room_pages().items()}
    for name, page in pages.items():
        path = folder/f"{name}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(page, encoding="utf-8")
