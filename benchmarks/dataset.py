"""How fast are random examples read, and how large are they? The dataset folder beside the thesis's seven PNGs per example.

Both sides hold the same images and are read in the same random order on one core, in turns, each several times; the table gives
the median rate. "cold" means that the kernel was asked to drop the files from its cache first. Images of the dataset given are
repeated until there are enough of them.

Usage: python benchmarks/dataset.py [--data data/demo] [--n 10000] [--out benchmarks/results/dataset.md]
"""
import argparse
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from dv_bench.core import DvBenchError, package_versions
from dv_bench.dataset.writer import DatasetWriter
from dv_bench.dataset.folder import PileupDataset
from dv_bench.dataset.combine import writer_row


def write_both(source: PileupDataset, n: int, folder: Path) -> dict[str, float]:
    "Write n examples as a dataset folder and as PNGs; seconds of each."
    rows = [writer_row(r) for r in source.index.itertuples(index=False)]
    seconds = {"ours": 0.0, "png": 0.0}
    (folder/"png").mkdir()
    with DatasetWriter(folder/"ours", source.channels, *source.shape[1:]) as writer:
        for i in range(n):
            image, row = source.image(i % len(source)), rows[i % len(source)] | {"source": str(i)}
            start = time.perf_counter()
            writer.add(image, row)
            middle = time.perf_counter()
            for c, plane in enumerate(image): Image.fromarray(plane).save(folder/f"png/{i}_ch{c+1}.png")
            seconds["ours"] += middle-start
            seconds["png"] += time.perf_counter()-middle
    return seconds


def drop_cache(folder: Path):
    "Ask the kernel to forget the files' pages."
    for file in folder.rglob("*"):
        if not file.is_file(): continue
        with open(file, "rb") as f:
            os.fsync(f.fileno())
            os.posix_fadvise(f.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def read_ours(folder: Path, order) -> float:
    dataset = PileupDataset(folder)
    start = time.perf_counter()
    for i in order: dataset[i]
    return len(order)/(time.perf_counter()-start)


def read_png(folder: Path, channels: int, order) -> float:
    start = time.perf_counter()
    for i in order: np.stack([np.asarray(Image.open(folder/f"{i}_ch{c+1}.png")) for c in range(channels)])
    return len(order)/(time.perf_counter()-start)


def peak_memory_mb(folder: Path, source: Path, n: int) -> float:
    "Peak resident memory of a process of its own that writes n examples."
    code = (f"import resource; from dv_bench.dataset import *; from dv_bench.dataset import writer_row; s = PileupDataset({str(source)!r}); rows = [writer_row(r) for r in s.index.itertuples(index=False)]\n"
            f"with DatasetWriter({str(folder)!r}, s.channels, *s.shape[1:]) as w:\n    for i in range({n}): w.add(s.image(i % len(s)), rows[i % len(s)] | {{'source': str(i)}})\n"
            "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss/1024)")
    return float(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="data/demo", help="dataset folder that lends its images")
    parser.add_argument("--n", type=int, default=10_000, help="examples")
    parser.add_argument("--reads", type=int, default=5_000, help="random reads per round of the dataset folder; a tenth of it for the PNGs")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path, help="Markdown file for the table")
    args = parser.parse_args()
    os.sched_setaffinity(0, {sorted(os.sched_getaffinity(0))[0]})
    try: source = PileupDataset(args.data)
    except DvBenchError as e: sys.exit(f"dataset benchmark: {e}")
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory(dir=Path.cwd()/"data") as folder:
        folder = Path(folder)
        seconds = write_both(source, args.n, folder)
        size = {name: sum(f.stat().st_size for f in (folder/name).rglob("*"))/args.n/1000 for name in ("ours", "png")}
        rates = {}
        for state in ("warm", "cold"):
            for _ in range(args.rounds+(state == "warm")):
                order = rng.permutation(args.n)[:args.reads]
                if state == "cold": drop_cache(folder)
                rates.setdefault((state, "ours"), []).append(read_ours(folder/"ours", order))
                rates.setdefault((state, "png"), []).append(read_png(folder/"png", source.shape[0], order[:len(order)//10]))
        rate = {k: statistics.median(v[1:] if k[0] == "warm" else v) for k, v in rates.items()}
        memory = {n: peak_memory_mb(folder/f"memory{n}", source.path, n) for n in (args.n//10, args.n)}
    lines = [f"Random examples of {args.data} ({' x '.join(map(str, source.shape))}), {args.n:,} examples, one core of {platform.machine()}, "
             f"{os.cpu_count()} CPUs; blosc2 {package_versions(('blosc2',))['blosc2']}, pillow {package_versions(('pillow',))['pillow']}.", "",
             "| | dataset folder | seven PNGs | ratio |", "|---|---|---|---|",
             f"| KB per example | {size['ours']:.2f} | {size['png']:.2f} | {size['png']/size['ours']:.1f} |"]
    for state in ("warm", "cold"):
        a, b = rate[state, "ours"], rate[state, "png"]
        lines.append(f"| random reads/s, {state} | {a:,.0f} | {b:,.0f} | {a/b:.1f} |")
    a, b = args.n/seconds["ours"], args.n/seconds["png"]
    lines += [f"| writes/s | {a:,.0f} | {b:,.0f} | {a/b:.1f} |", "",
              f"Peak memory of a process that writes {args.n//10:,} examples: {memory[args.n//10]:.0f} MB; {args.n:,} examples: {memory[args.n]:.0f} MB."]
    print("\n".join(lines))
    if args.out: args.out.write_text("# Dataset folder against PNGs\n\nMade by `python benchmarks/dataset.py`.\n\n"+"\n".join(lines)+"\n")


if __name__ == "__main__": main()
