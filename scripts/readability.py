"""Print how readable the exported code is: shares, and the places to look at first.

Counted are the lines of `dv_bench/` without blank ones, the exported cells of `nbs/` that define a function
or a class, and the functions' cyclomatic complexity (comprehensions, `with` and `assert` count as branches).

Usage: python scripts/readability.py
"""
import ast
import json
import statistics
from pathlib import Path
from typing import NamedTuple

widest_line, largest_cell, highest_complexity = 110, 25, 10
places = 10  # how many of each kind are printed
branches = (ast.If, ast.For, ast.While, ast.ExceptHandler, ast.IfExp, ast.comprehension, ast.Assert, ast.With)


class Place(NamedTuple):
    "Something measured, and where it stands."
    size: int
    where: str


def complexity(function: ast.AST) -> int:
    "Cyclomatic complexity: one, and one more for each branch and each further operand of `and` and `or`."
    nodes = list(ast.walk(function))
    operands = sum(len(n.values)-1 for n in nodes if isinstance(n, ast.BoolOp))
    return 1 + sum(isinstance(n, branches) for n in nodes) + operands


def modules(root: Path) -> list[Path]:
    "The exported modules."
    return sorted(f for f in root.glob("dv_bench/**/*.py") if f.name not in ("__init__.py", "_modidx.py"))


def lines(root: Path) -> list[Place]:
    "The width of every line that is not blank."
    widths = []
    for path in modules(root):
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if line.strip(): widths.append(Place(len(line), f"{path.relative_to(root)}:{number}"))
    return widths


def functions(root: Path) -> list[Place]:
    "The complexity of every function."
    measured = []
    for path in modules(root):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                name = f"{path.relative_to(root)}:{node.lineno} {node.name}"
                measured.append(Place(complexity(node), name))
    return measured


def definitions(source: str) -> list[str]:
    "Names of the functions and classes that an exported cell defines."
    return [n.name for n in ast.parse(source).body if isinstance(n, (ast.FunctionDef, ast.ClassDef))]


def cells(root: Path) -> tuple[list[Place], list[Place]]:
    "Lines, and definitions, of every exported cell that defines something."
    sizes, counts = [], []
    for notebook in sorted(root.glob("nbs/*.ipynb")):
        for cell in json.loads(notebook.read_text())["cells"]:
            source = "".join(cell["source"])
            if cell["cell_type"] != "code" or not source.lstrip().startswith("#| export"): continue
            names = definitions(source)
            if not names: continue
            body = [line for line in source.splitlines() if line.strip() and not line.startswith("#|")]
            sizes.append(Place(len(body), f"{notebook.name}: {names[0]}"))
            counts.append(Place(len(names), f"{notebook.name}: {', '.join(names)}"))
    return sizes, counts


def share_over(measured: list[Place], limit: int) -> str:
    "Share of the measured places that are over a limit, in percent."
    return f"{sum(p.size > limit for p in measured)/len(measured):.1%}"


def print_places(title: str, measured: list[Place]):
    "The largest of the measured places."
    print(f"\n{title}")
    for place in sorted(measured, reverse=True)[:places]: print(f"  {place.size:5}  {place.where}")


def print_report(root: Path):
    "The shares, and the places to look at first."
    widths, complexities = lines(root), functions(root)
    sizes, counts = cells(root)
    heights = sorted(len(f.read_text().splitlines()) for f in modules(root))
    cell_sizes = sorted(p.size for p in sizes)
    print(f"lines over {widest_line} columns: {share_over(widths, widest_line)}")
    print(f"lines of an exported cell: median {statistics.median(cell_sizes):.0f}, "
          f"ninth decile {cell_sizes[len(cell_sizes)*9//10]}")
    print(f"exported cells with more than one definition: {share_over(counts, 1)}")
    print(f"functions with a complexity over {highest_complexity}: "
          f"{share_over(complexities, highest_complexity)}")
    print(f"lines of a module: median {statistics.median(heights):.0f}, largest {heights[-1]}")
    print_places("widest lines (columns)", widths)
    print_places("largest cells (lines)", sizes)
    print_places("most complex functions", complexities)


if __name__ == "__main__": print_report(Path(__file__).resolve().parent.parent)
