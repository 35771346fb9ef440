"""Run the commands of docs/tutorials/*.md, and stop at the first one that fails.

Each tutorial is run in an empty folder, in one shell. The commands are those in fenced blocks of the language
bash. A block under the comment <!-- not run: REASON --> is left out. A block of any language under the
comment <!-- file: NAME --> is written to that file."""
import argparse
import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

root = Path(__file__).resolve().parent.parent
end_of_file = "END_OF_THE_FILE_OF_THE_TUTORIAL"  # a line that no file has


@dataclass
class Tutorial:
    "A tutorial's commands, on the lines where they stand in its file."
    lines: list[str]
    left_out: list[str] = field(default_factory=list)  # LINE: REASON
    blocks: int = 0


def read_tutorial(text: str) -> Tutorial:
    """The commands of a Markdown text. Raises ValueError for a block that is not closed and for a comment
    without a reason or file. A block that is a file becomes a here-document, which starts and ends on the
    lines of the block's fences."""
    found, fence, note, kept, is_file = Tutorial([]), None, None, False, False
    for number, line in enumerate(text.splitlines(), 1):
        opened = re.match(r"( *)(`{3,})(.*)$", line)
        comment = re.match(r" *<!-- *(not run|file):(.*?)-->", line)
        closes = fence and line.strip() == fence[2]
        found.lines.append(line.removeprefix(fence[1]) if fence and kept and not closes else "")
        if closes:
            if kept and is_file: found.lines[-1] = end_of_file
            fence = note = None
        elif fence: continue
        elif opened:
            fence, is_file = opened, bool(note) and note[1] == "file"
            runs = opened[3].split()[:1] == ["bash"] and note is None
            kept = runs or is_file
            if is_file: found.lines[-1] = f"cat > {shlex.quote(note[2].strip())} <<'{end_of_file}'"
            found.blocks += runs
            if note and not is_file: found.left_out.append(f"{number}: {note[2].strip()}")
        elif comment:
            note = comment
            if not note[2].strip(): raise ValueError(f"line {number}: expected a text after `{note[1]}:`")
        elif line.strip(): note = None
    if fence: raise ValueError("a block of code is not closed")
    return found


def script(tutorial: Tutorial, failed: Path) -> str:
    """A bash script whose lines have the numbers of the tutorial's lines; the number of a failing one is
    written to a file."""
    first = f"set -Eeuo pipefail; trap 'echo $LINENO > {shlex.quote(str(failed))}' ERR; {tutorial.lines[0]}"
    return "\n".join([first, *tutorial.lines[1:], ""])


def run_script(text: str, folder: Path, minutes: float) -> int:
    "Exit status of a bash script in a folder; 124 after so many minutes."
    (folder/"tutorial.sh").write_text(text, encoding="utf-8")
    work = folder/"work"
    work.mkdir()
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = os.environ | {"PATH": path, "DV_BENCH_HOME": str(work), "PYTHONHASHSEED": "0"}
    process = subprocess.Popen(
        ["bash", str(folder/"tutorial.sh")], cwd=work, env=environment, stdin=subprocess.DEVNULL,
        start_new_session=True)
    try: return process.wait(minutes*60)
    except subprocess.TimeoutExpired: return 124
    finally:
        try: os.killpg(process.pid, signal.SIGKILL)  # also what the tutorial left running
        except ProcessLookupError: pass
        process.wait()


def run_tutorial(path: Path, minutes: float) -> str:
    "Run a tutorial; what went wrong, or an empty text."
    try: tutorial = read_tutorial(path.read_text(encoding="utf-8"))
    except ValueError as e: return str(e)
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as name:
        folder, failed = Path(name), Path(name, "failed")
        status = run_script(script(tutorial, failed), folder, minutes) if tutorial.blocks else 0
        line = int(failed.read_text()) if failed.exists() else 0
    for left_out in tutorial.left_out: print(f"{path.name}: left out, line {left_out}")
    seconds = time.perf_counter()-start
    print(f"{path.name}: {tutorial.blocks} blocks run, {len(tutorial.left_out)} left out, {seconds:.0f} s",
          flush=True)
    if status == 124 and not line: return f"not finished after {minutes:g} minutes"
    if status and line: return f"line {line}: {tutorial.lines[line-1].strip()} (exit status {status})"
    if status: return f"exit status {status}"
    return ""


def self_test():
    "A tutorial whose third block fails, with one block left out."
    text = ("# T\n```bash\nx=1\n```\n\n<!-- not run: needs a GPU -->\n\n```bash\nfalse\n```\n"
            "<!-- file: a b.txt -->\n```text\n$x\n```\n"
            "- a\n  ```bash\n  test $x = 1; test \"$(cat a*)\" = '$x'\n  false\n  ```\n")
    found = read_tutorial(text)
    assert (found.blocks, found.left_out) == (2, ["8: needs a GPU"]), found
    with tempfile.TemporaryDirectory() as name:
        assert run_script(script(found, Path(name, "failed")), Path(name), 1) == 1
        assert Path(name, "failed").read_text().strip() == "18"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", type=Path, nargs="*", help="tutorials; docs/tutorials/*.md by default")
    parser.add_argument("--minutes", type=float, default=15, help="longest time of a tutorial (default: 15)")
    options = parser.parse_args()
    self_test()
    files = options.files or sorted((root/"docs"/"tutorials").glob("*.md"))
    if not files: print("docs/tutorials has no tutorials")
    for file in files:
        problem = run_tutorial(file, options.minutes)
        if problem: raise SystemExit(f"{file}: {problem}")
