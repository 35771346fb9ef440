"""What a study of 10 architectures x 5 folds x 5 seeds x 1,000,000 images does to memory, files and report.

    python benchmarks/scale.py [--quick] [--only opening,summary,shards,writers] [--images 100000,1000000]
        [--out benchmarks/results/scale.md]

Data and runs are planted: images are a few drawn pileups again and again, and no network is trained for the
report. Each measurement runs in a process of its own, whose time, highest memory (of its largest process) and
open files are taken from outside. The tables are written as Markdown. It takes 15 minutes on two cores, 4 GB
of memory and 8 GB of room for temporary files.
"""
import argparse
import functools
import itertools
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from datetime import date
from pathlib import Path
from typing import NamedTuple

archs, folds, seeds, million = 10, 5, 5, 1_000_000
few_files = 1024 # the usual limit of open files


class Measured(NamedTuple):
    "What a process took."
    seconds: float
    memory_gb: float # highest, of the process or one that it started and waited for
    files: int       # most files open at once
    printed: str
    failed: bool


def count_files(process, most:list):
    "Look at a process's open files until it ends."
    while process.returncode is None:
        try: most[0] = max(most[0], len(os.listdir(f"/proc/{process.pid}/fd")))
        except OSError: return
        time.sleep(.02)


def run(function, *args, check=True)->Measured:
    "Run a function of this file in a process of its own, with the usual limit of open files."
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (min(few_files, hard), hard)) # noqa: E731
    words = [sys.executable, __file__, "--run", function.__name__, *map(str, args)]
    with tempfile.TemporaryFile("w+") as printed:
        begin = time.perf_counter()
        process = subprocess.Popen(words, stdout=printed, stderr=subprocess.STDOUT, preexec_fn=limit)
        most = [0]
        watch = threading.Thread(target=count_files, args=(process, most))
        watch.start()
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter()-begin
        process.returncode = os.waitstatus_to_exitcode(status)
        watch.join()
        printed.seek(0)
        text = printed.read().strip()
    if check and process.returncode: raise SystemExit(f"{function.__name__} {args} failed: {text}")
    return Measured(seconds, usage.ru_maxrss*1024/1e9, most[0], text, process.returncode != 0)


# --- one folder of a million rows

def plant_rows(folder, n, zeros="zeros"):
    "A dataset of `n` rows or a few more. Its images are all zeros, which take no room, or drawn pileups."
    import hashlib
    import numpy as np
    from dv_bench.core import wgs_channels
    from dv_bench.dataset.combine import writer_row
    from dv_bench.dataset.writer import DatasetWriter, encode_image
    from dv_bench.verdict.planted import planted_images
    from dv_bench.verdict.planted_sites import planted_index
    index = planted_index(int(int(n)/1.06)) # some sites have three images
    images = np.zeros((1, 7, 100, 221), np.uint8)
    if zeros != "zeros": images = planted_images(index[:50], np.random.default_rng(0))
    encoded = [encode_image(image) for image in images]
    with DatasetWriter(folder, wgs_channels, 100, 221, simulated=True, options={"made": "planted"}) as writer:
        for i, row in enumerate(index.itertuples(index=False)):
            chunk, digest = encoded[i % len(encoded)]
            if zeros == "zeros": # digests as varied as those of images
                digest = hashlib.sha256(row.example.encode()).hexdigest()
            writer.add_encoded(chunk, digest, writer_row(row))


def open_dataset(folder):
    "Open a dataset twice, and print the seconds of the first time without the imports, and its rows."
    from dv_bench.dataset.folder import PileupDataset
    begin = time.perf_counter()
    dataset = PileupDataset(folder)
    print(time.perf_counter()-begin, len(dataset))


def open_training(data, mode="kfold"):
    """Open what dvb_train opens and assign the roles of five folds. Print the seconds of both, images,
    folders, and the bytes of a run's record of its roles."""
    import json
    from dv_bench.training.images import TrainingImages
    from dv_bench.training.roles import assign_roles
    from dv_bench.training.settings import Config
    begin = time.perf_counter()
    images = TrainingImages(data)
    opened = time.perf_counter()-begin
    config = Config(arch="gradient_boosting", data=data, folds=folds, mode=mode)
    for fold in range(folds): record = assign_roles(config, images, fold, 0)[2]
    print(opened, time.perf_counter()-begin-opened, len(images), len(images.parts), len(json.dumps(record)))


def write_run(data, folder):
    """Write the predictions of a run that is tested on a fifth of the images and tuned on 8%. Print its
    seconds, its bytes a row and its rows."""
    import numpy as np
    from dv_bench.dataset.folder import PileupDataset
    from dv_bench.training.runs import write_predictions
    index, rng = PileupDataset(data).index, np.random.default_rng(0)
    tune, test, _ = np.split(rng.permutation(len(index)), [len(index)*8//100, len(index)*28//100])
    probs = {role: rng.dirichlet((1, 1, 1), len(rows)) for role, rows in (("tune", tune), ("test", test))}
    Path(folder).mkdir()
    begin = time.perf_counter()
    write_predictions(Path(folder), index, {"tune": np.sort(tune), "test": np.sort(test)}, probs)
    seconds, rows = time.perf_counter()-begin, len(tune)+len(test)
    print(seconds, (Path(folder)/"predictions.parquet").stat().st_size/rows, rows)


def opening(work, quick):
    "A table of opening one dataset."
    n = 100_000 if quick else million
    planting = run(plant_rows, work/"rows", n)
    yield ["| opened in a new process | rows | seconds | highest memory, GB |", "|---|---:|---:|---:|"]
    opened = [run(open_dataset, work/"rows") for _ in range(5)]
    opened.sort(key=lambda m: float(m.printed.split()[0]))
    times = [float(m.printed.split()[0]) for m in opened]
    rows = int(opened[0].printed.split()[1])
    seconds = f"{times[2]:.2f} ({times[0]:.2f} to {times[-1]:.2f})"
    yield [f"| `PileupDataset`, median of 5 | {rows:,} | {seconds} | {opened[2].memory_gb:.2f} |"]
    training = run(open_training, work/"rows")
    first, roles, *_, record = training.printed.split()
    *_, random_record = run(open_training, work/"rows", "random").printed.split()
    written, bytes_a_row, predicted = map(float, run(write_run, work/"rows", work/"run").printed.split())
    index_bytes = (work/"rows"/"examples.parquet").stat().st_size
    yield [f"| `TrainingImages` | {rows:,} | {float(first):.2f} | {training.memory_gb:.2f} |",
           f"| roles of {folds} folds, besides | {rows:,} | {float(roles):.2f} | |",
           "", f"Written by `DatasetWriter` in {planting.seconds:.0f} s "
           f"({1e6*planting.seconds/rows:.0f} µs a row) with {planting.memory_gb:.2f} GB; "
           f"examples.parquet has {index_bytes/rows:.0f} bytes a row. "
           f"Predictions of a run, {predicted:,.0f} rows, are written in {written:.1f} s "
           f"with {bytes_a_row:.0f} bytes a row: "
           f"{bytes_a_row*predicted*archs*folds*seeds/1e9:.1f} GB for {archs*folds*seeds} runs. "
           f"A run's record of its roles has {float(record)/1e6:.2f} MB, "
           f"and {float(random_record)/1e6:.1f} MB with `mode: random`."]


# --- shards

def plant_shards(folder, n, rows):
    "Datasets of drawn pileups, each at places and of a sample of its own."
    import numpy as np
    from dv_bench.core import wgs_channels
    from dv_bench.dataset.combine import writer_row
    from dv_bench.dataset.writer import DatasetWriter, encode_image
    from dv_bench.verdict.planted import planted_images
    from dv_bench.verdict.planted_sites import planted_index
    n, rows = int(n), int(rows)
    index = planted_index(n*rows)
    encoded = [encode_image(image) for image in planted_images(index[:50], np.random.default_rng(0))]
    parts = np.array_split(np.arange(len(index)), n)
    for k, part in enumerate(parts):
        out = Path(folder)/f"part-{k:04d}"
        made = {"made": "planted"}
        with DatasetWriter(out, wgs_channels, 100, 221, simulated=True, options=made) as writer:
            for i in part:
                chunk, digest = encoded[i % len(encoded)]
                writer.add_encoded(chunk, digest, writer_row(next(index.iloc[[i]].itertuples(index=False))))


def merge_shards(out, folder):
    "dvb_merge of all folders in a folder."
    from dv_bench.commands.merge import dvb_merge
    dvb_merge(out, sorted(map(str, Path(folder).iterdir())))


def shards(work, quick):
    "A table of a thousand shards, merged and not."
    n, sizes = (100, (10, 20)) if quick else (1000, (10, 40))
    yield ["| shards | images | what | seconds | highest memory, GB | open files |",
           "|---:|---:|---|---:|---:|---:|"]
    seconds = []
    for rows in sizes:
        folder = work/f"shards{rows}"
        planting = run(plant_shards, folder, n, rows)
        merging = run(merge_shards, work/f"merged{rows}", folder)
        seconds.append(merging.seconds)
        for what, data in ((f"{n:,} not merged", f"{folder}/part-*"), ("merged", work/f"merged{rows}")):
            training = run(open_training, data)
            first, roles, images, *_ = training.printed.split()
            what = f"`TrainingImages` of {what}"
            yield [f"| {n:,} | {int(images):,} | {what} | {float(first):.2f} | {training.memory_gb:.2f} | "
                   f"{training.files:,} |"]
        yield [f"| {n:,} | {int(images):,} | `dvb_merge` | {merging.seconds:.1f} | {merging.memory_gb:.2f} | "
               f"{merging.files:,} |",
               f"| {n:,} | {int(images):,} | written one after the other | {planting.seconds:.1f} | "
               f"{planting.memory_gb:.2f} | |"]
    per_image = (seconds[1]-seconds[0])/(n*1.06*(sizes[1]-sizes[0]))
    each = (seconds[0]-per_image*n*1.06*sizes[0])/n
    minutes = (1000*each+million*per_image)/60
    yield ["", f"`dvb_merge` takes {1000*each:.0f} ms a shard and {1000*per_image:.2f} ms an image by these "
           f"two sizes, so about {minutes:.0f} minutes for 1,000 shards of 1,000 images (extrapolated)."]


# --- the report

def plant_runs(folder, sites):
    "An experiment of ten architectures, five folds and five seeds."
    from dv_bench.verdict.planted import Planted, plant_experiment
    cost = dict(parameters=2e7, gmacs=3., train_images_per_second=40., inference_images_per_second=120.,
                batch_size=32, device="cpu", peak_memory_bytes=2e9, train_seconds=500.)
    networks = ["inception_v3", *(f"network_{k}" for k in range(archs-3))]
    names = [*networks, "allele_fraction", "gradient_boosting"]
    made = {name: Planted(shift=.1*k, cost=cost) for k, name in enumerate(names)}
    plant_experiment(folder, made, folds=folds, seeds=seeds, n_sites=int(sites), epochs=15)


def make_summary(folder):
    "dvb_summary without static images."
    from dv_bench.commands.summary import dvb_summary
    dvb_summary(str(folder), no_images=True)


def predictions_of(files)->int:
    "Rows of all tables of predictions."
    import pyarrow.parquet as pq
    return sum(pq.ParquetFile(file).metadata.num_rows for file in files)


def summary(work, quick, images=None):
    "A table of the report at several sizes, and what they say about a million images."
    images = images or ([2_000, 4_000] if quick else [100_000, million])
    heads = ["images", "predictions of all runs", "seconds", "highest memory, GB", "page, MB",
             "predictions on disk, GB"]
    yield [f"| {' | '.join(heads)} |", "|---:|---:|---:|---:|---:|---:|"]
    points = []
    for n in images:
        folder = work/"outputs"/f"images{n}"
        run(plant_runs, folder, round(n/1.06)) # some sites have three images
        made = run(make_summary, folder)
        files = sorted(folder.glob("*/fold*/predictions.parquet"))
        rows = predictions_of(files)
        size = sum(file.stat().st_size for file in files)/1e9
        page = (folder/"summary.html").stat().st_size/1e6
        points.append((n, made.seconds, made.memory_gb))
        shutil.rmtree(folder)
        yield [f"| {n:,} | {rows:,} | {made.seconds:.0f} | {made.memory_gb:.2f} | {page:.1f} | {size:.2f} |"]
    study = f"{archs} architectures x {folds} folds x {seeds} seeds."
    if len(points) == 1 or images[-1] >= million: return (yield ["", study])
    (n0, s0, m0), (n1, s1, m1) = points[-2:]
    at = lambda a, b: b+(b-a)/(n1-n0)*(million-n1) # noqa: E731
    if n1 < 50_000: return (yield ["", f"{study} Too few images to say anything about a million."])
    yield ["", f"{study} A straight line through the two largest sizes gives, for 1,000,000 images, "
           f"{at(s0, s1)/60:.0f} minutes and {at(m0, m1):.0f} GB (extrapolated, not measured)."]


# --- several writers

def train_one(outputs, data, arch, fold):
    "Train one run of one epoch."
    from dv_bench.training.settings import Config
    from dv_bench.training.sweep import train_arch
    train_arch(Config(
        arch=arch, data=data, outputs=outputs, experiment="shared", folds=2, fold=int(fold), epochs=1,
        batch_size=16, bn_batches=2, exchange_images=0, tracker="none", mode="random"))


def small_data(folder):
    "A dataset on which a network trains in seconds."
    from dv_bench.dataset.folder import made_dataset
    made_dataset(folder, n=240, shape=(7, 75, 75), contigs=tuple(f"chr{k}" for k in range(1, 7)))


def at_once(calls)->list[Measured]:
    "Measure several calls of `run` that start at the same time."
    results = [None]*len(calls)
    def one(k): results[k] = run(train_one, *calls[k], check=False)
    threads = [threading.Thread(target=one, args=(k,)) for k in range(len(calls))]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    return results


def problems_of(folder)->int:
    "Files of an experiment that are not as they were written, and temporary files that were left."
    from dv_bench.manifest import differing_files
    runs = sorted(folder.glob("*/fold*_seed*"))
    return sum(len(differing_files(run)) for run in runs)+len([f for f in folder.rglob(".*partial*")])


def writers(work, quick):
    "A table of processes that write into one experiment."
    run(small_data, work/"small")
    heads = ["processes at the same time", "runs completed", "refused", "other failures",
             "files damaged or left"]
    yield [f"| {' | '.join(heads)} |", "|---|---:|---:|---:|---:|"]
    four = ("test_resnet", "test_vit", "allele_fraction", "gradient_boosting")
    two = ("test_resnet", "gradient_boosting")
    cases = [("four architectures", [(arch, 0) for arch in four]),
             ("two architectures, two folds of each", [(arch, fold) for arch in two for fold in (0, 1)]),
             ("four times the same run of a network", [("test_resnet", 0)]*4),
             ("four times the same run of a baseline", [("gradient_boosting", 0)]*4)]
    for k, (what, calls) in enumerate(cases):
        outputs = work/f"writers{k}"
        results = at_once([(outputs, work/"small", *call) for call in calls])
        refused = sum("another process uses this folder" in r.printed for r in results)
        others = [r for r in results if r.failed and "another process uses this folder" not in r.printed]
        for r in others: print(r.printed[-2000:], file=sys.stderr)
        complete = len(list((outputs/"shared").glob("*/fold*/manifest.json")))
        yield [f"| {what} | {complete} | {refused} | {len(others)} | {problems_of(outputs/'shared')} |"]


# --- all of it

parts = {"opening": opening, "summary": summary, "shards": shards, "writers": writers}
titles = {
    "opening": "One dataset of a million images",
    "summary": "The report",
    "shards": "Shards",
    "writers": "Several writers of one experiment",
}


def heading(command):
    "What was run, where and when."
    from dv_bench.core import git_commit, package_versions
    versions = package_versions()
    names = [name for name in ("python", "pandas", "pyarrow", "blosc2") if name in versions]
    shown = ", ".join(f"{name} {versions[name]}" for name in names)
    return (f"`{command}`, commit {git_commit()}, {date.today()}; {os.cpu_count()} cores, load average "
            f"{os.getloadavg()[1]:.1f} at the start, a file system on this machine; {shown}.")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small sizes, in two minutes")
    parser.add_argument("--only", default=",".join(parts), help="parts, comma-separated")
    parser.add_argument("--images", default="",
                        help="sizes of the experiments that the report is made of, comma-separated")
    parser.add_argument("--out", default="")
    parser.add_argument("--run", nargs="+", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.run: return globals()[args.run[0]](*args.run[1:])
    chosen = args.only.split(",")
    if args.images:
        images = [int(n) for n in args.images.split(",")]
        parts["summary"] = functools.partial(summary, images=images)
    unknown = [name for name in chosen if name not in parts]
    if unknown: parser.error(f"--only {unknown[0]}: expected some of {', '.join(parts)}")
    command = " ".join(["python benchmarks/scale.py", *sys.argv[1:]])
    lines = [heading(command)]
    print(lines[0], flush=True)
    for name in chosen:
        with tempfile.TemporaryDirectory() as scratch:
            groups = itertools.chain([["", f"## {titles[name]}", ""]], parts[name](Path(scratch), args.quick))
            for group in groups:
                lines += group
                print(*group, sep="\n", flush=True)
    if args.out: Path(args.out).write_text("# Scale\n\n"+"\n".join(lines)+"\n")


if __name__ == "__main__": main()
