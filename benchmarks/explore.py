"""Seconds until PileupBrowser shows its first figure, and milliseconds a step, on many examples.

    python benchmarks/explore.py [--examples 100000] [--data data/demo] [--out benchmarks/results/explore.md]

The examples are copies of the images of a dataset, each at a place of its own. The table is Markdown.
"""
import argparse
import tempfile
import time
from pathlib import Path

import numpy as np

from dv_bench.dataset.combine import writer_row
from dv_bench.dataset.folder import PileupDataset
from dv_bench.dataset.writer import DatasetWriter
from dv_bench.verdict.browser import PileupBrowser


def plant(data, out, n):
    "A dataset of `n` examples: the images of `data` again and again, shifted by 10 Mb in each round."
    dataset = PileupDataset(data)
    height, width = dataset.shape[1:]
    made = {"made": "copies"}
    with DatasetWriter(out, dataset.channels, height, width, simulated=True, options=made) as writer:
        rows = [writer_row(row) for row in dataset.index.itertuples(index=False)]
        images = dataset.images(range(len(dataset)))
        for i in range(n):
            round_, k = divmod(i, len(rows))
            writer.add(images[k], rows[k] | {"pos0": rows[k]["pos0"]+10_000_000*round_})
    return out


def seconds(action):
    "What an action returns, and how long it took."
    begin = time.perf_counter()
    result = action()
    return result, time.perf_counter()-begin


def measure(folder, steps=50):
    "Rows of the table: (what, value)."
    dataset, opening = seconds(lambda: PileupDataset(folder))
    browser, first = seconds(lambda: PileupBrowser(dataset, order="surprise"))
    _, widget = seconds(browser.widget)
    all_channels = [seconds(browser.next.click)[1] for _ in range(steps)]
    browser.view.value = dataset.channels[0]
    one_channel = [seconds(browser.next.click)[1] for _ in range(steps)]
    _, query = seconds(lambda: setattr(browser.query, "value", "INDEL and label == 0"))
    rows = [("open the dataset, s", opening), ("PileupBrowser until its first figure, s", first+widget),
            ("both, s", opening+first+widget)]
    for name, times in (("all channels", all_channels), ("one channel", one_channel)):
        rows += [(f"a step, {name}, median, ms", 1000*np.median(times)),
                 (f"a step, {name}, longest, ms", 1000*max(times))]
    return [*rows, ("a query, ms", 1000*query)]


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--examples", type=int, default=100_000)
    parser.add_argument("--data", default="data/demo")
    parser.add_argument("--out", default="")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        rows = measure(plant(args.data, Path(scratch)/"planted", args.examples))
    command = f"python benchmarks/explore.py --examples {args.examples}"
    lines = [f"`{command}`, in the kernel, without the drawing in the browser.", "",
             "| what | value |", "|---|---|", *(f"| {what} | {value:.2f} |" for what, value in rows)]
    text = "\n".join(lines)
    print(text)
    if args.out: Path(args.out).write_text(f"# Exploring a dataset\n\n{text}\n")


if __name__ == "__main__": main()
