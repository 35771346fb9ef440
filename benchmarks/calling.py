"""How long does it take to call 1 Mb of 30x reads, and where does the time go?

Simulated reads of one genome train a small network, simulated reads of another are called end to end: BAM in, VCF out. Reported are the seconds of
each stage as the calling process sees it (waiting for images, the network, genotypes and VCF), the rates, the CPU time of all processes together and
the scores of the calls; and the speed of the scorer on them.

Usage: python benchmarks/calling.py [--mb 1] [--arch mobilenetv3_small_100] [--jobs 2] [--run RUN] [--no_realign] [--work data/bench_calling]
                                    [--out benchmarks/results/calling.md]
"""
import argparse
import os
import platform
import resource
import time
from pathlib import Path

import psutil
import torch

from dv_bench.calling.caller import call
from dv_bench.core import git_commit, package_versions, project_root, read_json
from dv_bench.images.examples import prepare, write_dataset
from dv_bench.calling.scoring import score_calls
from dv_bench.simulation.sample import Options, simulate
from dv_bench.training.settings import Config
from dv_bench.training.sweep import train_arch


def reads(folder: Path, mb: float, seed: int, sample: str) -> Path:
    "Simulated reads, made where they are missing."
    if not folder.exists(): simulate(folder, mb, Options(coverage=30., read_length=148, platform="hiseq148", seed=seed, sample=sample), quiet=True)
    return folder


def trained(a: argparse.Namespace) -> Path:
    "A run folder: the one that was given, or one trained on simulated reads of another genome."
    if a.run: return Path(a.run)
    data = a.work/f"train_{'raw' if a.no_realign else 'realigned'}"
    if not data.exists():
        made = reads(a.work/"train_reads", a.train_mb, 7, "TRAIN")
        write_dataset(data, prepare(made/"reads.bam", made/"reference.fasta", truth=made/"truth.vcf.gz", confident=made/"confident.bed", realign=not a.no_realign), a.jobs)
    return train_arch(Config(arch=a.arch, data=str(data), outputs=str(a.work), experiment=f"nets_{data.name}", folds=5, fold=0, epochs=a.epochs, optimizer="adamw",
                             scheduler="cosine", lr=2e-3, rows=64, tracker="none"))[0]


def cpu_seconds() -> float: # of this process and its children that have ended
    return sum(u.ru_utime+u.ru_stime for u in (resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)))


def notes(run: Path, busy: float) -> list[str]: # what the numbers do not say by themselves
    record = read_json(next(iter([*run.glob("run.json"), *run.glob("fold*_seed*/run.json")])))
    said = (f"The network learnt from {sum(record['train_class_counts']):,} {'simulated' if record['dataset']['simulated'] else 'real'} images in {record['settings']['epochs']} epochs: "
            "the scores say that the chain works, not what a network can do.")
    if busy < .2: return [said]
    return [f"Other work took {busy:.1f} of {os.cpu_count()} CPUs when the call began, so wall times are those of a shared machine; the CPU time is what the work costs.", "", said]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mb", type=float, default=1.)
    parser.add_argument("--train_mb", type=float, default=.6)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--arch", default="mobilenetv3_small_100")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--run", default="")
    parser.add_argument("--no_realign", action="store_true")
    parser.add_argument("--work", type=Path, default=project_root()/"data/bench_calling")
    parser.add_argument("--out", type=Path)
    a = parser.parse_args()
    run, made = trained(a), reads(a.work/f"test_reads_{a.mb:g}", a.mb, 8, "TEST")
    files = dict(reads=str(made/"reads.bam"), ref=str(made/"reference.fasta"), realign=not a.no_realign)
    contig = next(line[1:].split()[0] for line in open(made/"reference.fasta"))
    call(a.work/"warm.vcf.gz", run, **files, regions=[f"{contig}:1-20,000"], jobs=a.jobs) # numba compiles once per machine
    busy = psutil.cpu_percent(2.)*os.cpu_count()/100 # by others, while this process waits
    begin, cpu = time.perf_counter(), cpu_seconds()
    done = call(a.work/"calls.vcf.gz", run, **files, jobs=a.jobs)
    whole, cpu = time.perf_counter()-begin, cpu_seconds()-cpu
    begin = time.perf_counter()
    score = score_calls(a.work/"calls.vcf.gz", made/"truth.vcf.gz", made/"reference.fasta", made/"confident.bed")
    scoring, seconds = time.perf_counter()-begin, done["seconds"]
    table = score.summary[score.summary.Filter == "PASS"].set_index("Type")
    lines = [f"# Calling {a.mb:g} Mb of 30x reads", "",
             f"`python benchmarks/calling.py`, commit {git_commit()}, {platform.machine()}, {os.cpu_count()} CPUs ({busy:.1f} busy with other work), {a.jobs} jobs, "
             f"torch {package_versions()['torch']} with {torch.get_num_threads()} threads{', CUDA' if torch.cuda.is_available() else ''}. Network: {Path(a.run).resolve().parent.name if a.run else a.arch}, "
             f"reads {'as aligned' if a.no_realign else 'realigned'}.", "",
             "| stage | seconds | share |", "|---|---|---|",
             *(f"| {name} | {seconds[key]:.1f} | {seconds[key]/whole:.0%} |" for name, key in (("waiting for candidates and images", "candidates and images"),
                                                                                        ("network", "network"), ("genotypes and VCF", "genotypes and VCF"))),
             f"| whole, with the start of processes | {whole:.1f} | 100% |", "",
             f"{done['records']:,} records; {whole/a.mb:.1f} s per Mb; CPU time of all processes {cpu:.1f} s, so {cpu/2/a.mb:.0f} s per Mb on two idle cores at best. Scoring the calls takes {scoring:.1f} s "
             f"({(table['TRUTH.TOTAL'].sum()+table['QUERY.TOTAL'].sum())/scoring:,.0f} records/s, reading included).", "",
             "| | truth | TP | FN | FP | recall | precision | F1 |", "|---|---|---|---|---|---|---|---|",
             *(f"| {kind} | {r['TRUTH.TOTAL']} | {r['TRUTH.TP']} | {r['TRUTH.FN']} | {r['QUERY.FP']} | {r['METRIC.Recall']:.4f} | {r['METRIC.Precision']:.4f} | "
               f"{r['METRIC.F1_Score']:.4f} |" for kind, r in table.iterrows()), "", *notes(run, busy), ""]
    print("\n".join(lines))
    if a.out: a.out.parent.mkdir(parents=True, exist_ok=True); a.out.write_text("\n".join(lines))


if __name__ == "__main__": main()
