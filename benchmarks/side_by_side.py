"""How much faster or slower is this checkout than another one?

One benchmark is run alternately with the package of this checkout (new) and with that of OTHER_CHECKOUT
(old), each with its own benchmarks folder and, if it has one, its own environment in .venv. The rates are
read from the tables that the benchmark prints. The report gives the medians over the rounds, their ratio,
and the range of the ratios of single rounds.

The sizes are small, so that a round of one side takes about a minute. The first round of `calling` takes
longer, because each side trains its network.

Usage: python benchmarks/side_by_side.py OTHER_CHECKOUT [--benchmark dataset] [--rounds 5]
           [--data data/demo] [--options "--n 500 --reads 200"]
"""
import argparse
import os
import re
import shlex
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

this_checkout = Path(__file__).resolve().parent.parent


@dataclass
class Benchmark:
    "How one benchmark is run, and what is read from its output."
    options: str          # those of its command line that keep it short
    columns: tuple = ()   # of its tables
    sentences: dict = field(default_factory=dict) # name -> pattern with one group, the number
    needs_data: bool = False # takes a dataset folder with --data
    needs_work: bool = False # takes a folder that it uses again with --work


benchmarks = {
    "dataset": Benchmark(
        "--n 2000 --reads 2000 --rounds 1", ("dataset folder", "seven PNGs"), needs_data=True),
    "calling": Benchmark(
        "--mb 0.3 --train_mb 0.2 --epochs 1 --arch test_resnet", ("seconds",),
        {"CPU seconds of all processes": r"CPU time of all processes ([\d.,]+) s",
         "scoring, records/s": r"\(([\d.,]+) records/s"}, needs_work=True),
    "make_examples": Benchmark(
        "--seconds 0 --repeats 3", ("images/s", "reads/s", "kb/s"),
        {"pysam alone, s": r"pysam alone: ([\d.,]+) s", "compilation, CPU s": r"on a machine: ([\d.,]+) s"}),
    "training": Benchmark(
        "--archs efficientnet_b0 --rounds 2 --steps 2",
        ("thesis, images/s", "ours, images/s", "CPU ratio", "bare step, ms"), needs_data=True),
}


def number(text: str) -> float | None:
    "The number in a cell of a table; None if there is none."
    cleaned = text.strip().replace(",", "").removesuffix("%")
    try: return float(cleaned)
    except ValueError: return None


def cells(line: str) -> list[str]:
    "The cells of a row of a Markdown table."
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def table_values(text: str, columns: tuple[str, ...]) -> dict[str, float]:
    "Numbers of the chosen columns of all Markdown tables in a text, by row and column."
    values = {}
    head = None
    for line in text.splitlines():
        if not line.startswith("|"):
            head = None
            continue
        if head is None: head = cells(line)
        row = cells(line)
        for column, cell in zip(head, row):
            value = number(cell)
            if column in columns and value is not None: values[f"{row[0]}: {column}"] = value
    return values


def read_values(text: str, benchmark: Benchmark) -> dict[str, float]:
    "All rates in what a benchmark printed, by name."
    values = table_values(text, benchmark.columns)
    for name, pattern in benchmark.sentences.items():
        match = re.search(pattern, text)
        if match: values[name] = number(match[1])
    return values


def python_of(checkout: Path) -> str:
    "The interpreter of a checkout's environment, or this one if it has none."
    own = checkout/".venv"/"bin"/"python"
    return str(own if own.exists() else sys.executable)


def run(checkout: Path, name: str, options: list[str], folder: Path) -> str:
    "What a checkout's benchmark prints. It works in a folder of its own. Stops if the benchmark fails."
    (folder/"data").mkdir(parents=True, exist_ok=True)
    command = [python_of(checkout), str(checkout/"benchmarks"/f"{name}.py"), *options]
    environment = os.environ | {"PYTHONPATH": str(checkout), "PYTHONHASHSEED": "0"}
    finished = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    if finished.returncode: sys.exit(f"{shlex.join(command)} failed:\n{finished.stderr[-2000:]}")
    return finished.stdout


def read_arguments() -> argparse.Namespace:
    formatter = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=formatter)
    parser.add_argument("other", type=Path, metavar="OTHER_CHECKOUT")
    parser.add_argument("--benchmark", choices=benchmarks, default="dataset")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--data", type=Path, default=this_checkout/"data"/"demo",
                        help="dataset folder for `dataset` and `training`")
    parser.add_argument("--options", default="",
                        help="options of the benchmark, such as sizes; they replace the default ones")
    return parser.parse_args()


def benchmark_options(a: argparse.Namespace, folder: Path) -> list[str]:
    "The options for one side. Stops if the dataset is missing."
    benchmark = benchmarks[a.benchmark]
    options = shlex.split(a.options or benchmark.options)
    if benchmark.needs_work: options += ["--work", str(folder/"work")]
    if not benchmark.needs_data: return options
    if not (a.data/"dataset.json").exists():
        sys.exit(f"{a.data} is not a dataset folder; name one with --data, or make data/demo with make demo")
    return [*options, "--data", str(a.data.resolve())]


def measure(a: argparse.Namespace, folder: Path) -> dict[str, list[dict[str, float]]]:
    "The values of each round, old and new in turns."
    checkouts = {"old": a.other.resolve(), "new": this_checkout}
    values = {side: [] for side in checkouts}
    for k in range(a.rounds):
        order = ("old", "new") if k % 2 == 0 else ("new", "old")
        for side in order:
            options = benchmark_options(a, folder/side)
            text = run(checkouts[side], a.benchmark, options, folder/side)
            values[side].append(read_values(text, benchmarks[a.benchmark]))
            print(f"round {k+1} of {a.rounds}, {side} is done", file=sys.stderr, flush=True)
    return values


def median_row(name: str, old: list[float], new: list[float]) -> str:
    "A row of the table: medians, their ratio, and the range of the ratios of the rounds."
    a, b = statistics.median(old), statistics.median(new)
    if not a or not all(old): return f"| {name} | {a:,.4g} | {b:,.4g} | - | - |"
    ratios = [y/x for x, y in zip(old, new)]
    return f"| {name} | {a:,.6g} | {b:,.6g} | {b/a:.3f} | {min(ratios):.3f} to {max(ratios):.3f} |"


def report(values: dict[str, list[dict[str, float]]], name: str) -> str:
    "The table of medians and ratios."
    lines = [f"{name}, {len(values['old'])} rounds", "",
             "| | old | new | new/old | of the rounds |", "|---|---|---|---|---|"]
    for key in values["new"][0]:
        sides = [[values_of_round[key] for values_of_round in values[side] if key in values_of_round]
                 for side in ("old", "new")]
        if all(sides): lines.append(median_row(key, *sides))
    return "\n".join(lines)


def main():
    a = read_arguments()
    with tempfile.TemporaryDirectory() as folder: values = measure(a, Path(folder))
    print(report(values, a.benchmark))


if __name__ == "__main__": main()
