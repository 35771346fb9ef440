"""Run the commands of the tutorials, as a reader would: in order, each tutorial in an empty folder of its own.

A tutorial is a page of docs/tutorials. Its ```bash blocks are run by one shell for each block; a block behind the line
<!-- not run: REASON --> is left out and counted. A block behind <!-- file: NAME --> is written to that file instead.

Usage: python scripts/tutorials.py [NAME...]     # such as first_comparison; all by default

The commands are those beside this Python. Results go to temporary folders, which are removed.
"""
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

folder = Path(__file__).resolve().parent.parent/"docs"/"tutorials"
block = re.compile(r"(?:^<!-- (?P<kind>not run|file): (?P<note>[^\n]*?) -->\n)?^```(?P<language>\w+)\n(?P<text>.*?)^```$", re.M | re.S)


def run_block(text: str, home: str) -> int:
    "Run the lines of a block in a shell that stops at the first failure; its exit status."
    commands = str(Path(sys.executable).parent)
    settings = os.environ | {"DV_BENCH_HOME": home, "PATH": f"{commands}{os.pathsep}{os.environ['PATH']}"}
    return subprocess.run(["bash", "-euo", "pipefail", "-x", "-c", text], cwd=home, env=settings).returncode


def run_tutorial(path: Path) -> bool:
    "Run a tutorial; whether all its commands ended well."
    begin, n_run, n_left = time.monotonic(), 0, 0
    print(f"--- {path.stem}", flush=True)
    with tempfile.TemporaryDirectory() as home:
        for found in block.finditer(path.read_text()):
            if found["kind"] == "file":
                (Path(home)/found["note"]).write_text(found["text"])
            elif found["language"] != "bash" or found["kind"] == "not run":
                n_left += found["language"] == "bash"
            elif run_block(found["text"], home):
                print(f"FAILED: {path.stem}, in the block\n{found['text']}", flush=True)
                return False
            else:
                n_run += 1
    print(f"{path.stem}: {n_run} blocks run, {n_left} left out, {time.monotonic()-begin:.0f} s", flush=True)
    return True


def main():
    names = sys.argv[1:]
    pages = [folder/f"{name}.md" for name in names] if names else sorted(folder.glob("*.md"))
    missing = [str(page) for page in pages if not page.exists()]
    if missing or not pages: sys.exit(f"no such tutorial: {', '.join(missing) or folder}")
    results = [run_tutorial(page) for page in pages]
    sys.exit(not all(results))


if __name__ == "__main__": main()
