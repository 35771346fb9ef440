"""Are the notebooks clean and is the package what they export?

Exports and cleans into the working tree, as a contributor would, and fails when that changes a file: the diff that it
prints is what to commit. A module that no notebook exports fails too (a deleted notebook leaves its module behind).

Usage: python scripts/check.py
"""
import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path

root = Path(__file__).resolve().parent.parent


def snapshot() -> dict[str, str]:
    "Hash of every notebook and exported module."
    files = sorted([*root.glob("nbs/*.ipynb"), *root.glob("dv_bench/**/*.py")])
    return {str(f.relative_to(root)): hashlib.sha256(f.read_bytes()).hexdigest() for f in files}


def exported_modules() -> set[str]:
    "Modules named by `default_exp` in the notebooks; stops when two notebooks name the same one."
    names = [m for f in root.glob("nbs/*.ipynb") for cell in json.loads(f.read_text())["cells"]
             for m in re.findall(r"^#\| *default_exp +(\S+)", "".join(cell["source"]), re.M)]
    if len(names) != len(set(names)): sys.exit(f"two notebooks export the same module: {sorted(names)}")
    return set(names)


def module_name(path: Path) -> str:
    "Dotted name of a module inside the package, such as `images.pileup`."
    return ".".join(path.relative_to(root/"dv_bench").with_suffix("").parts)


def main():
    "Exit with 1 and the names of files that are out of step."
    orphans = {module_name(f) for f in root.glob("dv_bench/**/*.py") if f.stem not in ("__init__", "_modidx")} - exported_modules()
    if orphans: sys.exit(f"modules that no notebook exports: {sorted(orphans)}; remove them")
    large = [f.name for f in root.glob("nbs/*.ipynb") if f.stat().st_size > 500_000]
    if large: sys.exit(f"notebooks over 500 KB: {large}; use lighter figures")
    before = snapshot()
    for tool in ("nbdev_export", "nbdev_clean"):
        subprocess.run([Path(sys.executable).parent/tool], cwd=root, check=True)
    after = snapshot()
    changed = [f for f in sorted(before.keys() | after.keys()) if before.get(f) != after.get(f)]
    if changed:
        subprocess.run(["git", "--no-pager", "diff", "--stat", "--", *changed], cwd=root)
        sys.exit(f"out of step until now, commit what changed: {', '.join(changed)}")
    print("notebooks are clean and dv_bench/ is what they export")


if __name__ == "__main__": main()
