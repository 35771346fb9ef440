"""How fast are random examples read, and how large are they? A dataset folder beside seven PNGs per example.

The PNGs are the input format of the thesis. Both sides hold the same images. They are read in the same
random order on one core, in turns, several times; the table gives the median rate. "cold" means that the
kernel was asked to drop the files from its cache first. The images of the given dataset are repeated until
there are enough of them. The last line gives the rate of blosc2 alone, without checksums.

Usage: python benchmarks/dataset.py [--data data/demo] [--n 10000] [--reads 5000] [--rounds 3]
                                    [--out benchmarks/results/dataset.md]
"""
import argparse
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import blosc2
import numpy as np
from PIL import Image

from dv_bench.core import DvBenchError, package_versions
from dv_bench.dataset.combine import writer_row
from dv_bench.dataset.folder import PileupDataset
from dv_bench.dataset.writer import DatasetWriter

sides = ("ours", "png")
states = ("warm", "cold")

# Run by a process of its own: write examples and print the peak resident memory.
write_examples = """
import resource, sys
from dv_bench.dataset.combine import writer_row
from dv_bench.dataset.folder import PileupDataset
from dv_bench.dataset.writer import DatasetWriter

source = PileupDataset(sys.argv[1])
rows = [writer_row(r) for r in source.index.itertuples(index=False)]
with DatasetWriter(sys.argv[2], source.channels, *source.shape[1:]) as writer:
    for i in range(int(sys.argv[3])):
        k = i % len(source)
        writer.add(source.image(k), rows[k] | {"source": str(i)})
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss/1024)
"""


def save_planes(image: np.ndarray, folder: Path, i: int):
    "Write each channel of an image as a PNG."
    for channel, plane in enumerate(image, 1):
        Image.fromarray(plane).save(folder/f"{i}_ch{channel}.png")


def write_both(source: PileupDataset, n: int, folder: Path) -> dict[str, float]:
    "Write n examples as a dataset folder and as PNGs; seconds of each."
    rows = [writer_row(r) for r in source.index.itertuples(index=False)]
    seconds = dict.fromkeys(sides, 0.)
    (folder/"png").mkdir()
    with DatasetWriter(folder/"ours", source.channels, *source.shape[1:]) as writer:
        for i in range(n):
            k = i % len(source)
            image = source.image(k)
            row = rows[k] | {"source": str(i)}
            start = time.perf_counter()
            writer.add(image, row)
            middle = time.perf_counter()
            save_planes(image, folder/"png", i)
            seconds["ours"] += middle-start
            seconds["png"] += time.perf_counter()-middle
    return seconds


def kilobytes(folder: Path, n: int) -> float:
    "Size of the files in a folder per example, in KB."
    return sum(file.stat().st_size for file in folder.rglob("*"))/n/1000


def drop_cache(folder: Path):
    "Ask the kernel to drop the pages of all files in a folder."
    for file in folder.rglob("*"):
        if not file.is_file(): continue
        with open(file, "rb") as f:
            os.fsync(f.fileno())
            os.posix_fadvise(f.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def read_ours(folder: Path, order: Sequence[int]) -> float:
    "Examples per second from the dataset folder."
    dataset = PileupDataset(folder)
    start = time.perf_counter()
    for i in order: dataset[i]
    return len(order)/(time.perf_counter()-start)


def read_unchecked(folder: Path, order: Sequence[int]) -> float:
    "Examples per second by blosc2 alone."
    dataset = PileupDataset(folder)
    images = blosc2.open(str(folder/"images.b2nd"), mode="r", mmap_mode="r")
    chunks = images.schunk  # usable as long as `images` is there
    start = time.perf_counter()
    for i in order: chunks.decompress_chunk(int(i), dst=np.empty(dataset.shape, np.uint8))
    return len(order)/(time.perf_counter()-start)


def checked_line(folder: Path, n: int, reads: int, rounds: int) -> str:
    "Random reads with and without checksums, in turns; the median of the ratios."
    rng = np.random.default_rng(1)
    ratios = []
    for _ in range(rounds):
        order = rng.permutation(n)[:reads]
        ratios.append(read_ours(folder, order)/read_unchecked(folder, order))
    return (f"Random reads with checksums: {statistics.median(ratios):.3f} of the rate of blosc2 alone "
            f"(median of {rounds}).")


def read_png(folder: Path, channels: int, order: Sequence[int]) -> float:
    "Examples per second from the PNGs."
    start = time.perf_counter()
    for i in order:
        np.stack([np.asarray(Image.open(folder/f"{i}_ch{c}.png")) for c in range(1, channels+1)])
    return len(order)/(time.perf_counter()-start)


def read_rates(folder: Path, channels: int, n: int, reads: int, rounds: int) -> dict:
    "Median examples per second for each state of the cache and each side, without the first warm round."
    rng = np.random.default_rng(0)
    rates = {(state, side): [] for state in states for side in sides}
    for state in states:
        for _ in range(rounds+(state == "warm")):
            order = rng.permutation(n)[:reads]
            if state == "cold": drop_cache(folder)
            rates[state, "ours"].append(read_ours(folder/"ours", order))
            rates[state, "png"].append(read_png(folder/"png", channels, order[:len(order)//10]))
    return {(state, side): statistics.median(of_rounds[state == "warm":])
            for (state, side), of_rounds in rates.items()}


def peak_memory(folder: Path, source: Path, n: int) -> float:
    "Peak resident memory, in MB, of a process that writes n examples."
    command = [sys.executable, "-c", write_examples, str(source), str(folder), str(n)]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def table(size: dict, rates: dict, seconds: dict, n: int) -> list[str]:
    "Lines of the table: sizes, random reads, writes."
    lines = ["| | dataset folder | seven PNGs | ratio |", "|---|---|---|---|",
             f"| KB per example | {size['ours']:.2f} | {size['png']:.2f} | {size['png']/size['ours']:.1f} |"]
    rows = {f"random reads/s, {state}": (rates[state, "ours"], rates[state, "png"]) for state in states}
    rows["writes/s"] = (n/seconds["ours"], n/seconds["png"])
    lines += [f"| {name} | {ours:,.0f} | {png:,.0f} | {ours/png:.1f} |" for name, (ours, png) in rows.items()]
    return lines


def heading(source: PileupDataset, data: str, n: int) -> str:
    "What was measured, where, and with which packages."
    shape = " x ".join(map(str, source.shape))
    versions = {name: package_versions((name,))[name] for name in ("blosc2", "pillow")}
    return (f"Random examples of {data} ({shape}), {n:,} examples, one core of {platform.machine()}, "
            f"{os.cpu_count()} CPUs; {', '.join(f'{name} {version}' for name, version in versions.items())}.")


def compare(source: PileupDataset, args: argparse.Namespace, folder: Path) -> list[str]:
    "Write and read both sides in a folder; lines of the report."
    seconds = write_both(source, args.n, folder)
    size = {side: kilobytes(folder/side, args.n) for side in sides}
    rates = read_rates(folder, source.shape[0], args.n, args.reads, args.rounds)
    few = args.n//10
    memory = {n: peak_memory(folder/f"memory{n}", source.path, n) for n in (few, args.n)}
    return [heading(source, args.data, args.n), "", *table(size, rates, seconds, args.n), "",
            f"Peak memory of a process that writes {few:,} examples: {memory[few]:.0f} MB; "
            f"{args.n:,} examples: {memory[args.n]:.0f} MB.", "",
            checked_line(folder/"ours", args.n, args.reads, args.rounds)]


def read_arguments() -> argparse.Namespace:
    formatter = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=formatter)
    parser.add_argument("--data", default="data/demo", help="dataset folder whose images are used")
    parser.add_argument("--n", type=int, default=10_000, help="examples")
    parser.add_argument("--reads", type=int, default=5_000,
                        help="random reads per round from the dataset folder; the PNGs get a tenth of it")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path, help="Markdown file for the table")
    return parser.parse_args()


def main():
    args = read_arguments()
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    source = PileupDataset(args.data)
    with tempfile.TemporaryDirectory(dir=Path.cwd()/"data") as folder:
        text = "\n".join(compare(source, args, Path(folder)))
    print(text)
    if args.out:
        title = "# Dataset folder against PNGs\n\nMade by `python benchmarks/dataset.py`.\n\n"
        args.out.write_text(f"{title}{text}\n")


if __name__ == "__main__":
    try: main()
    except DvBenchError as e: sys.exit(f"dataset benchmark: {e}")
