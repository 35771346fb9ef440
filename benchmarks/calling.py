"""How long does it take to call 1 Mb of 30x reads, and where does the time go?

A small network is trained on simulated reads of one genome. Simulated reads of another genome are then
called end to end, from BAM to VCF. The report gives the seconds of each stage as the calling process sees
it (waiting for images, the network, genotypes and VCF), the rates, the CPU time of all processes together,
the scores of the calls and the speed of the scorer.

Usage: python benchmarks/calling.py [--mb 1] [--arch mobilenetv3_small_100] [--jobs 2] [--run RUN]
                                    [--no_realign] [--work data/bench_calling]
                                    [--out benchmarks/results/calling.md]
"""
import argparse
import os
import platform
import resource
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import psutil
import torch

from dv_bench.calling.caller import call
from dv_bench.calling.scoring import score_calls
from dv_bench.calling.sources import from_reads
from dv_bench.core import git_commit, home_folder, package_versions, read_json
from dv_bench.images.examples import prepare, write_dataset
from dv_bench.simulation.sample import Options, simulate
from dv_bench.training.runs import open_runs
from dv_bench.training.settings import Config
from dv_bench.training.sweep import train_arch

stages = {  # key of the caller's seconds -> name in the table
    "candidates and images": "waiting for candidates and images",
    "network": "network",
    "genotypes and VCF": "genotypes and VCF",
}


class Measured(NamedTuple):
    "What a piece of work returned and took."
    result: Any
    seconds: float
    cpu_seconds: float # of all processes


def simulated_reads(folder: Path, mb: float, seed: int, sample: str) -> Path:
    "The folder of a simulated sample, which is made if it is missing."
    if folder.exists(): return folder
    options = Options(coverage=30., read_length=148, platform="hiseq148", seed=seed, sample=sample)
    simulate(folder, mb, options, quiet=True)
    return folder


def training_images(work: Path, mb: float, realign: bool, jobs: int) -> Path:
    "The dataset to train on, which is made if it is missing."
    data = work/f"train_{'realigned' if realign else 'raw'}"
    if data.exists(): return data
    sample = simulated_reads(work/"train_reads", mb, 7, "TRAIN")
    job = prepare(sample/"reads.bam", sample/"reference.fasta", truth=sample/"truth.vcf.gz",
                  confident=sample/"confident.bed", realign=realign)
    write_dataset(data, job, jobs)
    return data


def trained_run(a: argparse.Namespace) -> Path:
    "The run folder that was given, or of a network that is trained on another simulated genome."
    if a.run: return Path(a.run)
    data = training_images(a.work, a.train_mb, not a.no_realign, a.jobs)
    config = Config(
        arch=a.arch, data=str(data), outputs=str(a.work), experiment=f"nets_{data.name}", folds=5, fold=0,
        epochs=a.epochs, optimizer="adamw", scheduler="cosine", lr=2e-3, rows=64, tracker="none")
    return train_arch(config)[0]


def cpu_seconds() -> float:
    "CPU time of this process and of its children that have ended."
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime+usage.ru_stime for usage in usages)


def measure(work: Callable[[], Any]) -> Measured:
    "Do some work on the clock."
    begin = time.perf_counter()
    cpu = cpu_seconds()
    result = work()
    return Measured(result, time.perf_counter()-begin, cpu_seconds()-cpu)


def call_reads(run: Path, vcf: Path, options: dict) -> dict:
    "Open the runs and call, as dvb_call does; records, seconds and more."
    return call(from_reads(open_runs(run), **options), vcf)


def title(a: argparse.Namespace, busy: float) -> list[str]:
    "What was measured, and on what."
    network = Path(a.run).resolve().parent.name if a.run else a.arch
    reads = "as aligned" if a.no_realign else "realigned"
    device = ", CUDA" if torch.cuda.is_available() else ""
    return [f"# Calling {a.mb:g} Mb of 30x reads", "",
            f"`python benchmarks/calling.py`, commit {git_commit()}, {platform.machine()}, "
            f"{os.cpu_count()} CPUs ({busy:.1f} busy with other work), {a.jobs} jobs, "
            f"torch {package_versions()['torch']} with {torch.get_num_threads()} threads{device}. "
            f"Network: {network}, reads {reads}.", ""]


def stage_table(seconds: dict[str, float], whole: float) -> list[str]:
    "A row for each stage of calling."
    rows = [f"| {name} | {seconds[key]:.1f} | {seconds[key]/whole:.0%} |" for key, name in stages.items()]
    return ["| stage | seconds | share |", "|---|---|---|", *rows,
            f"| whole, with the start of processes | {whole:.1f} | 100% |", ""]


def score_table(scores: pd.DataFrame) -> list[str]:
    "A row for SNPs and one for indels."
    rows = []
    for kind, row in scores.iterrows():
        counts = [row[name] for name in ("TRUTH.TOTAL", "TRUTH.TP", "TRUTH.FN", "QUERY.FP")]
        shares = [f"{row[f'METRIC.{name}']:.4f}" for name in ("Recall", "Precision", "F1_Score")]
        rows.append(f"| {' | '.join(map(str, [kind, *counts, *shares]))} |")
    head = "| | truth | TP | FN | FP | recall | precision | F1 |"
    return [head, "|---|---|---|---|---|---|---|---|", *rows, ""]


def rates(calling: Measured, scoring: Measured, scores: pd.DataFrame, mb: float) -> str:
    "Records, seconds per Mb, CPU time and the speed of the scorer."
    records = scores["TRUTH.TOTAL"].sum()+scores["QUERY.TOTAL"].sum()
    return (f"{calling.result['records']:,} records; {calling.seconds/mb:.1f} s per Mb; "
            f"CPU time of all processes {calling.cpu_seconds:.1f} s, so "
            f"{calling.cpu_seconds/2/mb:.0f} s per Mb on two idle cores at best. "
            f"Scoring the calls takes {scoring.seconds:.1f} s "
            f"({records/scoring.seconds:,.0f} records/s, reading included).")


def notes(run: Path, busy: float) -> list[str]:
    "How to read the numbers: what the network learnt from, and other work on the machine."
    record = read_json(next(iter([*run.glob("run.json"), *run.glob("fold*_seed*/run.json")])))
    kind = "simulated" if record["dataset"]["simulated"] else "real"
    training = (f"The network was trained on {sum(record['train_class_counts']):,} {kind} images for "
                f"{record['settings']['epochs']} epochs: the scores show that the pipeline works, not how "
                "well a network can call.")
    if busy < .2: return [training, ""]
    machine = (f"Other work took {busy:.1f} of {os.cpu_count()} CPUs when the call began, so wall times are "
               "those of a shared machine; compare the CPU time.")
    return [machine, "", training, ""]


def benchmark(a: argparse.Namespace) -> list[str]:
    "Train, call and score; lines of the report."
    run = trained_run(a)
    sample = simulated_reads(a.work/f"test_reads_{a.mb:g}", a.mb, 8, "TEST")
    reference = sample/"reference.fasta"
    with open(reference) as f: contig = f.readline()[1:].split()[0]
    options = dict(reads=str(sample/"reads.bam"), ref=str(reference), realign=not a.no_realign, jobs=a.jobs)
    # a first call, so that numba's compilation is not measured
    call_reads(run, a.work/"warm.vcf.gz", options | {"regions": [f"{contig}:1-20,000"]})
    busy = psutil.cpu_percent(2.)*os.cpu_count()/100 # by others, while this process waits
    calls = a.work/"calls.vcf.gz"
    calling = measure(lambda: call_reads(run, calls, options))
    scoring = measure(lambda: score_calls(calls, sample/"truth.vcf.gz", reference, sample/"confident.bed"))
    summary = scoring.result.summary
    scores = summary[summary.Filter == "PASS"].set_index("Type")
    return [*title(a, busy), *stage_table(calling.result["seconds"], calling.seconds),
            rates(calling, scoring, scores, a.mb), "", *score_table(scores), *notes(run, busy)]


def read_arguments() -> argparse.Namespace:
    formatter = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=formatter)
    parser.add_argument("--mb", type=float, default=1., help="megabases to call")
    parser.add_argument("--train_mb", type=float, default=.6, help="megabases to train on")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--arch", default="mobilenetv3_small_100")
    parser.add_argument("--jobs", type=int, default=2, help="processes that make images")
    parser.add_argument("--run", default="", help="folder of a finished run; nothing is trained then")
    parser.add_argument("--no_realign", action="store_true", help="use the reads as they were aligned")
    parser.add_argument("--work", type=Path, default=home_folder()/"data/bench_calling",
                        help="folder of reads, images and networks, which are used again")
    parser.add_argument("--out", type=Path, help="Markdown file for the report")
    return parser.parse_args()


def main():
    a = read_arguments()
    text = "\n".join(benchmark(a))
    print(text)
    if not a.out: return
    a.out.parent.mkdir(parents=True, exist_ok=True)
    a.out.write_text(text)


if __name__ == "__main__": main()
