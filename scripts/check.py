"""Check that the notebooks are clean and that the package is what they export.

The script exports and cleans the working tree as a contributor would. It fails when that changes a file, and
the difference that it prints is what to commit. It also fails for a module that no notebook exports, because
a deleted notebook leaves its module behind. At the end it prints the widest lines, the largest cells and the
most complex functions; these are hints for the next reader and never fail.

Usage: python scripts/check.py
"""
import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path

import readability

root = Path(__file__).resolve().parent.parent
largest_notebook = 500_000  # bytes


def snapshot() -> dict[str, str]:
    "SHA-256 of every notebook and every exported module."
    files = sorted([*root.glob("nbs/*.ipynb"), *root.glob("dv_bench/**/*.py")])
    return {str(f.relative_to(root)): hashlib.sha256(f.read_bytes()).hexdigest() for f in files}


def exported_modules() -> list[str]:
    "Names of the modules that the notebooks export, such as `images.pileup`."
    modules = []
    for notebook in root.glob("nbs/*.ipynb"):
        for cell in json.loads(notebook.read_text())["cells"]:
            modules += re.findall(r"^#\| *default_exp +(\S+)", "".join(cell["source"]), re.M)
    return modules


def module_name(path: Path) -> str:
    "Name of a module's file inside the package, such as `images.pileup`."
    return ".".join(path.relative_to(root/"dv_bench").with_suffix("").parts)


def check_modules():
    "Stop when two notebooks export one module, or no notebook exports a module."
    modules = exported_modules()
    repeated = sorted({m for m in modules if modules.count(m) > 1})
    if repeated: sys.exit(f"exported by two notebooks: {', '.join(repeated)}")
    files = [f for f in root.glob("dv_bench/**/*.py") if f.stem not in ("__init__", "_modidx")]
    orphans = sorted({module_name(f) for f in files}-set(modules))
    if orphans: sys.exit(f"modules that no notebook exports: {', '.join(orphans)}; remove them")


def check_sizes():
    "Stop when a notebook is too large for git."
    large = [f.name for f in root.glob("nbs/*.ipynb") if f.stat().st_size > largest_notebook]
    if large: sys.exit(f"notebooks over {largest_notebook//1000} KB: {', '.join(large)}; use lighter figures")


def check_export():
    "Export and clean; stop when that changes a file."
    before = snapshot()
    for tool in ("nbdev_export", "nbdev_clean"):
        subprocess.run([Path(sys.executable).parent/tool], cwd=root, check=True)
    after = snapshot()
    changed = [f for f in sorted(before.keys() | after.keys()) if before.get(f) != after.get(f)]
    if not changed: return
    subprocess.run(["git", "--no-pager", "diff", "--stat", "--", *changed], cwd=root)
    sys.exit(f"notebooks and package were out of step; commit these files: {', '.join(changed)}")


def main():
    "Run all checks; exit with 1 and the names of the files that need attention."
    check_modules()
    check_sizes()
    check_export()
    print("notebooks are clean and dv_bench/ is what they export\n")
    readability.print_report(root)


if __name__ == "__main__": main()
