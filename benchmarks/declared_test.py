"""Is pileup_set better than gradient boosting on counts and MobileNetV3-small? A test declared beforehand.

All learn from the same simulated reads of GRCh38 at mixed depth (5x to 60x) and are tested on reads of
another genome and of another platform. The declaration, which was committed before the first result:

- data: `training_sample` and `test_sample` below; the test has at least 50,000 images;
- settings: `settings` below, the same for every architecture, five seeds;
- test: the verdict's own, on wrong genotypes of sites; pileup_set against gradient boosting is the primary
  contrast, pileup_set against MobileNetV3-small the second one, each by `dvb_summary --baseline`.

Nothing is chosen by its result, and it is made once. What exists in --work is kept, so the command continues
where it stopped.

Usage: python declared_test.py --ref FASTA --work FOLDER [--jobs N] [--write]

--ref needs the contigs chr20 and chr21 of GRCh38, of which the first 10 Mb are used.
"""
import argparse
import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd

from dv_bench.core import git_commit, package_versions, project_root
from dv_bench.dataset.folder import PileupDataset

depth = ["--coverage", "5", "--coverage_to", "60", "--variant_rate", "0.002"]
training_sample = ["--mb", "14", "--platform", "hiseq101", "--read_length", "101,151", "--seed", "301",
                   "--sample", "DECLARED_TRAINING", *depth]
test_sample = ["--mb", "27", "--platform", "hiseq148", "--read_length", "148", "--seed", "302",
               "--sample", "DECLARED_TEST", *depth]
least_test_images = 50_000
archs = ["gradient_boosting", "mobilenetv3_small_100", "pileup_set"]
seeds = range(5)
settings = {
    "folds": 10,
    "fold": 0,
    "tune_fraction": 0.05,
    "epochs": 3,
    "batch_size": 32,
    "optimizer": "adamw",
    "lr": 2e-3,
    "weight_decay": 0.02,
    "scheduler": "cosine",
    "warmup": 0.1,
    "ema": 0.99,
    "drop_reads": 0.2,
    "columns": 101,
    "exchange_images": 0,
    "precision": "fp32",
    "tracker": "none",
    "baseline": "gradient_boosting",
}
experiment = "declared_test"
compared_columns = ["arch", "n_sites", "errors", "error_rate", "error_low", "error_high", "snp_error_rate",
                    "indel_error_rate", "difference", "low", "high", "p_holm", "decision", "method"]
cost_columns = ["arch", "parameters", "gmacs", "train_seconds", "train_images_per_second",
                "inference_images_per_second", "device"]


def run(*command):
    "Run a command of the package on one thread."
    program = Path(sys.executable).parent/command[0]
    subprocess.run([program, *map(str, command[1:])], check=True, env=os.environ | {"OMP_NUM_THREADS": "1"})


def make_images(name: str, options: list[str], ref: list, work: Path, jobs: int) -> Path:
    "The images of one simulated sample, made if they are missing."
    data, sample = work/f"{name}.data", work/name
    if data.exists(): return data
    shutil.rmtree(sample, ignore_errors=True)
    run("dvb_simulate", sample, *options, *ref, "--jobs", jobs)
    run("dvb_examples", data, "--reads", sample/"reads.bam", "--ref", sample/"reference.fasta", "--truth",
        sample/"truth.vcf.gz", "--confident", sample/"confident.bed", "--source", name, "--jobs", jobs)
    shutil.rmtree(sample)  # larger than the images, and quickly simulated again
    return data


def train(arch: str, seed: int, data: Path, test: Path, out: Path):
    "Train one architecture with one seed, unless that run is complete."
    pairs = [part for name, value in settings.items() for part in ("-p", name, value)]
    run("dvb_train", arch, "--data", data, "--experiment", experiment, "-p", "outputs", out,
        "-p", "test_data", test, "-p", "seed", seed, *pairs)


def compare(folder: Path, baseline: str) -> tuple[str, pd.DataFrame]:
    "The verdict's sentences with this baseline, and its table of architectures."
    program = Path(sys.executable).parent/"dvb_summary"
    done = subprocess.run([program, folder, "--baseline", baseline, "--no_images"], check=True, text=True,
                          stdout=subprocess.PIPE)
    return done.stdout, pd.read_csv(folder/"tables"/"architectures.csv")


def markdown(table: pd.DataFrame) -> str:
    "A table as Markdown, numbers with four significant digits."
    def row(cells): return "| "+" | ".join(cells)+" |"
    def cell(value): return f"{value:,.4g}" if isinstance(value, float) else str(value)
    lines = [row(table.columns), row(["---"]*len(table.columns))]
    lines += [row([cell(value) for value in values]) for values in table.itertuples(index=False)]
    return "\n".join(lines)


def describe(data: Path) -> str:
    "Number of images, and of each class."
    info = PileupDataset(data).info
    return f"{info['n']:,} images {info['class_counts']}"


def report(folder: Path, data: Path, test: Path) -> str:
    "The tables as Markdown."
    versions = ", ".join(f"{name} {v}" for name, v in package_versions(("torch", "timm", "numpy")).items())
    command = " ".join(["python benchmarks/declared_test.py", *(Path(word).name for word in sys.argv[1:])])
    given = ", ".join(f"{k} {v}" for k, v in settings.items())
    lines = ["# pileup_set, gradient boosting and MobileNetV3-small: the declared test", "",
             f"`{command}`, commit {git_commit()}, {time.strftime('%Y-%m-%d')}, {versions}.", "",
             f"Training: {describe(data)}. Test, of another genome and platform: {describe(test)}. "
             f"Settings: {given}; seeds {min(seeds)} to {max(seeds)}.", ""]
    for baseline in ("gradient_boosting", "mobilenetv3_small_100"):
        sentences, table = compare(folder, baseline)
        text = sentences.replace(f"{folder}/", "").strip()
        lines += [f"## Against {baseline}", "", text, "", markdown(table[compared_columns]), ""]
    return "\n".join([*lines, "## Cost", "", markdown(table[cost_columns]), ""])


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ref", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--jobs", type=int, default=2, help="processes, each with one thread")
    parser.add_argument("--write", action="store_true", help="write the table to benchmarks/results/")
    args = parser.parse_args()
    work = args.work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    data = make_images("training", training_sample, ["--ref", args.ref.resolve()], work, args.jobs)
    test = make_images("test", test_sample, [], work, args.jobs)
    n_test = PileupDataset(test).info["n"]
    if n_test < least_test_images:
        sys.exit(f"the test has {n_test:,} images; {least_test_images:,} were declared")
    with ThreadPoolExecutor(args.jobs) as pool:
        jobs = [pool.submit(train, arch, seed, data, test, work/"out") for arch in archs for seed in seeds]
        for job in jobs: job.result()
    text = report(work/"out"/experiment, data, test)
    print(text)
    if args.write: (project_root()/"benchmarks"/"results"/"declared_test.md").write_text(text)


if __name__ == "__main__": main()
