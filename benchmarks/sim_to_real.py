"""Simulation to reality: networks trained on simulated reads alone call real reads and are scored.

Training reads come from GRCh38 chr20 and chr21 (first 10 Mb of each, which do not overlap the test region)
or, with --made, from a made genome. The platform profile is that of the other sample: of the test sample
only depth, read length and insert size are used. The variants are made ones. Everything else is what a user
runs: dvb_examples, dvb_train, dvb_call --examples, dvb_score. Genotypes count, and truth variants that never
became candidates count as missed.

With --depths the test reads are also drawn at lower depths, by whole fragments, and the same networks call
each of them. With --callers, bcftools and freebayes call the same reads, where they are installed, and
are compared by truth variant.

Usage: python benchmarks/sim_to_real.py simulated --seeds 2     # to compare recipes (configs/simulation.yaml)
       python benchmarks/sim_to_real.py na12878 --seeds 1       # to compare recipes on real reads
       python benchmarks/sim_to_real.py hg002 --seeds 5 --write # once per recipe
       python benchmarks/sim_to_real.py hg002 --arch pileup_set --config configs/simulation_set.yaml \\
           --mb 8 --samples 1 --seeds 3 --depths 0,15,9 --callers --threads 1 --write  # once per recipe

Each test on real reads is logged in benchmarks/results/sim_to_real_looks.tsv, one line for each depth. With
--train_only networks are trained and no test reads are opened; the same command without it then uses them.
The test `simulated` has 5 Mb of a made genome with the profile of HG002's reads; training is as for hg002.
The real reads, their truth and the references are in a folder (--data) that is not part of the project.
"""
import argparse
import contextlib
import hashlib
import io
import json
import multiprocessing
import os
import shutil
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import yaml

from dv_bench.calling.calibration import (
    calibrated, expected_class_counts, fit_calibration, reweight_to_sample
)
from dv_bench.calling.caller import call
from dv_bench.calling.genotypes import merge_sites
from dv_bench.calling.sources import from_dataset
from dv_bench.core import DvBenchError, git_commit, home_folder, package_data, project_root, read_json
from dv_bench.dataset.folder import PileupDataset
from dv_bench.hts import write_vcf
from dv_bench.images.examples import prepare, write_dataset
from dv_bench.simulation.sample import Options, simulate
from dv_bench.training.runs import open_runs
from dv_bench.training.settings import Config
from dv_bench.training.sweep import train_arch
from kept_files import code_version, made_from
from outside_callers import (
    installed_callers, mean_depth, missing_callers, programs, reads_at_depth, run_caller, score_vcf
)
from sim_to_real_report import Result, Tested, report, variant_names

tests = {
    "hg002": dict(platform="hiseq101", coverage=30., read_length=148, insert_size=570.),
    "na12878": dict(platform="hiseq148", coverage=51., read_length=101, insert_size=320.),
}
tests["simulated"] = tests["hg002"]
rows = {"hg002": 70, "simulated": 70, "na12878": 0}  # of the images; 0 is all: reads 51 deep fill them
baselines = {
    "allele_fraction": "allele fraction, thresholds learnt on the simulation",
    "gradient_boosting": "gradient boosting on counts, learnt on the simulation",
}
# what a recipe may set of the simulated reads
simulate_names = ("coverage", "coverage_to", "read_length", "variant_rate", "depth_spread")
probabilities = ["p0", "p1", "p2"]


class Sample(NamedTuple):
    "The reads that are called, and their truth."
    name: str      # of the test
    folder: Path   # with truth.vcf.gz and confident.bed
    reads: Path    # BAM
    depth: float   # that was asked for; 0 as sequenced
    ref: Path      # FASTA


# Simulated and real images

def image_code() -> str:
    "Hash of the code and the profiles that determine simulated reads and their images."
    profiles = [package_data(f"{test['platform']}.json") for test in tests.values()]
    return made_from(profiles, code_version("dataset", "images", "simulation"))


def short_hash(value) -> str:
    "Eight digits that identify a JSON value."
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:8]


def simulation_settings(a: argparse.Namespace) -> dict:
    "Settings of the training reads: those of the test, changed by the section `simulate` of the recipe."
    if not a.config.is_file(): raise DvBenchError(f"--config: expected a YAML file, found none at {a.config}")
    given = (yaml.safe_load(a.config.read_text()) or {}).get("simulate") or {}
    unknown = sorted(given.keys()-set(simulate_names))
    if unknown:
        raise DvBenchError(f"{a.config}: simulate: expected {', '.join(simulate_names)}, found "
                           f"{', '.join(unknown)}; settings of the training stand outside of simulate")
    return tests[a.test] | given


def training_images(a: argparse.Namespace, work: Path, settings: dict, mb: float) -> Path:
    "The images of one simulated sample, made if they are missing."
    fasta = None if a.made else a.data/"reference"/"grch38.chr20_chr21_first10Mb.fasta.gz"
    name = made_from([fasta] if fasta else [], settings, mb, not a.no_realign, image_code())
    images = work/f"train_{name}"
    if (images/"dataset.json").exists(): return images
    sample = work/f"reads_{name}"
    if not sample.exists():
        simulate(sample, mb, Options(**settings), fasta, jobs=a.jobs)
    job = prepare(sample/"reads.bam", sample/"reference.fasta", truth=sample/"truth.vcf.gz",
                  confident=sample/"confident.bed", realign=not a.no_realign,
                  source=f"simulated{settings['seed']}")
    write_dataset(images, job, a.jobs)
    shutil.rmtree(sample)  # larger than the images, and quickly simulated again
    return images


def all_training_images(a: argparse.Namespace, work: Path) -> list[Path]:
    "The images of all simulated samples. A made genome has any length, so one sample is enough."
    sizes = [a.mb*a.samples] if a.made else [a.mb]*a.samples
    settings = simulation_settings(a)
    return [training_images(a, work, settings | {"seed": seed}, mb) for seed, mb in enumerate(sizes, 1)]


def whole_sample(a: argparse.Namespace, work: Path) -> Sample:
    "The sample with all reads. A simulated one is made if it is missing; stops if real reads are missing."
    if a.test != "simulated":
        folder = a.data/a.test
        if not folder.exists(): sys.exit(f"sim_to_real: the real reads are expected in {folder}; see --data")
        return Sample(a.test, folder, folder/"reads.bam", 0, a.data/"reference"/"hg19.chr20.fasta.gz")
    settings = tests["hg002"] | {"platform": "hiseq148", "seed": 1000}
    folder = work/f"reads_simulated_{a.test_mb:g}Mb_{made_from([], settings, a.test_mb, image_code())}"
    if not folder.exists(): simulate(folder, a.test_mb, Options(**settings), jobs=a.jobs)
    return Sample(a.test, folder, folder/"reads.bam", 0, folder/"reference.fasta")


def sample_file(sample: Sample, work: Path, what: str) -> Path:
    "Name of a file or folder made from the reads of a sample."
    source = sample.folder.name if sample.name == "simulated" else sample.name
    depth = f"_{sample.depth:g}x" if sample.depth else ""
    return work/f"test_{source}{depth}_{what}"


def at_depth(sample: Sample, depth: float, work: Path) -> Sample:
    "The sample with fewer reads; as it is for the depth 0."
    if not depth: return sample
    thin = sample._replace(depth=depth)
    stem = sample_file(thin, work, "reads")
    return thin._replace(reads=reads_at_depth(sample.reads, sample.folder/"confident.bed", depth, stem))


def test_images(sample: Sample, work: Path, realign: bool, jobs: int) -> Path:
    "The images of the test sample, made if they are missing."
    aligned = "realigned" if realign else "not_realigned"
    regions = [] if sample.name == "simulated" else ["chr20"]
    truth, confident = sample.folder/"truth.vcf.gz", sample.folder/"confident.bed"
    files = [sample.reads, sample.ref, truth, confident]
    identity = made_from(files, regions, sample.name, realign, image_code())
    images = sample_file(sample, work, f"{aligned}_{identity}")
    if (images/"dataset.json").exists(): return images
    job = prepare(sample.reads, sample.ref, regions, truth=truth, confident=confident, realign=realign,
                  source=sample.name)
    write_dataset(images, job, jobs)
    return images


def describe_images(folders: list[Path]) -> dict:
    "How many simulated images there are, of which classes, and the share of hom-ref sites."
    datasets = [PileupDataset(folder) for folder in folders]
    is_hom_ref = [d.index.drop_duplicates("site_id").genotype == "0/0" for d in datasets]
    return {"images": sum(d.info["n"] for d in datasets),
            "classes": np.sum([d.info["class_counts"] for d in datasets], 0).tolist(),
            "hom_ref": float(np.mean(np.concatenate(is_hom_ref)))}


# Training

def train_one(config: Config, threads: int):
    "Train one seed in this process."
    import torch
    torch.set_num_threads(threads)
    train_arch(config)


def train_all(config: Config, jobs: int, threads: int) -> list[Path]:
    "The run folders of all seeds, `jobs` of them trained at a time; threads of each, 0: CPUs / jobs."
    configs = [replace(config, seed=config.seed+k, seeds=1) for k in range(config.seeds)]
    jobs = min(jobs, len(configs))
    threads = threads or max(1, os.cpu_count()//jobs)
    with ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn")) as pool:
        for training in [pool.submit(train_one, c, threads) for c in configs]: training.result()
    return train_arch(config)  # all are complete, so this only finds their folders


# Scores

def score(sample: Sample, vcf: Path):
    "What `dvb_score` says of calls of the test sample."
    return score_vcf(vcf, sample.folder/"truth.vcf.gz", sample.ref, sample.folder/"confident.bed")


def accuracy(probs: np.ndarray, labels: pd.Series) -> float:
    "Share of images whose most probable class is the true one."
    return float((probs.argmax(1) == labels.to_numpy(int)).mean())


def wrong_hom_refs(sites: pd.DataFrame) -> tuple[int, int]:
    "Hom-ref candidates with a wrong genotype, and all hom-ref candidates."
    hom_ref = sites[sites.genotype == "0/0"]
    return int((hom_ref.call != "0/0").sum()), len(hom_ref)


def site_text(s) -> str:
    "A site with a wrong genotype, from a row of `itertuples`."
    return (f"{s.chrom}:{s.pos0+1} {s.ref}>{s.alts} true {s.genotype} called {s.call} "
            f"({s.alt_counts} of {s.depth} reads, run of {s.homopolymer_length})")


def simulated_accuracy(folder: Path) -> float:
    "Share of right images of the simulation that no model learnt from, by the mean of the runs."
    runs = [folder] if (folder/"run.json").exists() else sorted(folder.glob("fold*_seed*"))
    tables = [pd.read_parquet(run/"predictions.parquet") for run in runs]
    tune = [table[table.role == "tune"] for table in tables]
    return accuracy(sum(table[probabilities].to_numpy(float) for table in tune), tune[0].label)


def adapted(images: pd.DataFrame, folder: Path) -> tuple[pd.DataFrame, np.ndarray]:
    "Predictions for the class frequencies of these images; those frequencies."
    records = [run.record for run in open_runs(folder)]
    return reweight_to_sample(images, expected_class_counts(records, folder))


def score_run(sample: Sample, images: Path, folder: Path, name: str, adapt: bool) -> Result:
    "What `dvb_call --examples` and `dvb_score` say of a run folder, and what its sites and images show."
    source = from_dataset(open_runs(folder), PileupDataset(images))
    source = replace(source, pieces=list(source.pieces))
    with tempfile.TemporaryDirectory() as work:
        vcf = Path(work)/"calls.vcf.gz"
        with contextlib.redirect_stdout(io.StringIO()): call(source, vcf, adapt=adapt)
        scored = score(sample, vcf)
    predicted = pd.concat(source.pieces, ignore_index=True)
    if adapt: predicted, _ = adapted(predicted, folder)
    sites = merge_sites(predicted)
    sites["correct"] = sites.correct.fillna(False).astype(bool)
    wrong = sites[~sites.correct & sites.genotype.notna()]
    return Result(name, *scored, wrong_hom_refs(sites), sites.set_index("site_id").correct.to_dict(),
                  simulated_accuracy(folder), [site_text(s) for s in wrong.itertuples()])


def score_callers(sample: Sample, work: Path, versions: dict) -> list[Result]:
    "How well other programs call the reads of the sample."
    results = []
    for program, version in versions.items():
        stem = sample_file(sample, work, f"{program}_{version}")
        vcf = run_caller(program, version, sample.reads, sample.ref, stem)
        results.append(Result(f"{programs[program]} (version {version})", *score(sample, vcf)))
    return results


def write_genotypes(vcf: Path, sites: pd.DataFrame):
    "A VCF of the sites that are not hom-ref."
    header = ['##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">']
    contigs = {contig: None for contig in sites.chrom.unique()}
    variants = sites[sites.call != "0/0"].sort_values(["chrom", "pos0"])
    lines = (f"{s.chrom}\t{s.pos0+1}\t.\t{s.ref}\t{s.alts}\t{s.qual:.1f}\tPASS\t.\tGT\t{s.call}"
             for s in variants.itertuples())
    write_vcf(vcf, header, contigs, ["TEST"], lines)


def threshold_probabilities(images: pd.DataFrame, low: float, high: float) -> np.ndarray:
    "Nearly certain probabilities: hom-ref below `low`, hom-alt from `high`, het between them."
    genotype = np.digitize(images.allele_fraction.fillna(0), [low, high])
    return np.eye(3)[genotype]*.98+.02/3


def fixed_thresholds(sample: Sample, images: Path, folder: Path, low: float = .2, high: float = .8) -> Result:
    "Genotype by allele fraction alone, nothing learnt; scored through a VCF of its own."
    index = PileupDataset(images).index.reset_index(drop=True)
    index[probabilities] = threshold_probabilities(index, low, high)
    sites = merge_sites(index)
    with tempfile.TemporaryDirectory() as work:
        vcf = Path(work)/"thresholds.vcf.gz"
        write_genotypes(vcf, sites)
        scored = score(sample, vcf)
    predictions = pd.read_parquet(next(folder.glob("fold*_seed*/predictions.parquet")))
    tune = predictions[predictions.role == "tune"]
    right = sites.set_index("site_id").correct.fillna(False).astype(bool).to_dict()
    name = f"allele fraction, thresholds {low} / {high}"
    return Result(name, *scored, wrong_hom_refs(sites), right,
                  accuracy(threshold_probabilities(tune, low, high), tune.label))


def mean_tune_predictions(folders: list[Path]) -> pd.DataFrame:
    "The calibrated predictions of the tune role, averaged over runs."
    tables = []
    for folder in folders:
        table = pd.read_parquet(folder/"predictions.parquet")
        tune = table[table.role == "tune"]
        tables.append(calibrated(tune, fit_calibration(read_json(folder/"run.json"), table)))
    return tables[0].assign(**{p: sum(table[p] for table in tables)/len(tables) for p in probabilities})


def check_adapting(folders: list[Path], keep: int = 7) -> str:
    "Does adapting help on held-out simulated images when only one of `keep` hom-ref ones is kept?"
    images = mean_tune_predictions(folders)
    hom_ref = images.index[images.label == 0]
    images = images.drop(index=[row for i, row in enumerate(hom_ref) if i % keep])
    reweighted, mix = adapted(images, folders[0])
    right = accuracy(reweighted[probabilities].to_numpy(), images.label)
    right_before = accuracy(images[probabilities].to_numpy(), images.label)
    return (f"A check of adapting, where the truth is known: of the held-out simulated images {keep-1} of "
            f"{keep} hom-ref ones are left out, which leaves {len(images)}, {(images.label == 0).mean():.3f} "
            f"of them hom-ref. From the networks' mean alone a share of {mix[0]:.3f} is estimated, and "
            f"{right:.3f} of the images are right, without adapting {right_before:.3f}.")


# The whole

def make_recipe(a: argparse.Namespace, trains: list[Path]) -> dict:
    "All settings of simulation and training, with an id. Depths of the test are no part of it."
    settings = {"folds": 10, "rows": rows[a.test]} | yaml.safe_load(a.config.read_text())
    settings.pop("simulate", None)
    recipe = {"simulate": simulation_settings(a), "mb": a.mb, "samples": a.samples, "made": a.made,
              "realign": not a.no_realign, "train": settings}
    fingerprints = [PileupDataset(folder).info["fingerprint"] for folder in trains]
    return recipe | {"id": short_hash([recipe, fingerprints])}


def log_look(a: argparse.Namespace, recipe: dict, n_images: int, epochs: int, depth: float, versions: dict):
    "Note that real reads are tested on."
    variants = [text for name, text in variant_names(a).items() if name in ("as_aligned", "adapted")]
    genome = "made genome" if a.made else "real sequence"
    depths = [f"{depth:g}x"] if depth else []
    callers = [f"{program} {version}" for program, version in versions.items()]
    variant = ", ".join([genome, *variants, *depths, *callers])
    look = [time.strftime("%Y-%m-%d %H:%M", time.gmtime()), a.test, recipe["id"], git_commit(), a.arch,
            f"{a.seeds} seeds", f"{n_images} images", f"{epochs} epochs", variant]
    with open(project_root()/"benchmarks"/"results"/"sim_to_real_looks.tsv", "a") as f:
        f.write("\t".join(look)+"\n")


def score_all(a: argparse.Namespace, work: Path, sample: Sample, folders: list[Path], learnt: dict,
              versions: dict) -> Tested:
    """Everything that calls the sample, scored. `learnt` has the run folder of each baseline. Raises
    DvBenchError where the network's folder has other runs, which its mean would contain."""
    there = sorted(path.parent for path in folders[0].parent.glob("fold*_seed*/run.json"))
    if there != sorted(folders):
        raise DvBenchError(f"{folders[0].parent}: expected {len(folders)} runs, found {len(there)}; "
                           "ask for as many --seeds, or use another --work")
    images = test_images(sample, work, not a.no_realign, a.jobs)
    others = [fixed_thresholds(sample, images, folders[0].parent)]
    others += [score_run(sample, images, learnt[arch], name, a.adapt) for arch, name in baselines.items()]
    nets = [score_run(sample, images, folder, f"{a.arch}, seed {k}", a.adapt)
            for k, folder in enumerate(folders)]
    mean = []
    if a.seeds > 1:
        name = f"{a.arch}, mean of {a.seeds} seeds"
        mean = [score_run(sample, images, folders[0].parent, name, a.adapt)]
    measured = mean_depth(sample.reads, sample.folder/"confident.bed")
    return Tested(sample.depth, measured, PileupDataset(images).info["n"], others, nets, mean,
                  score_callers(sample, work, versions))


def run(a: argparse.Namespace, work: Path) -> str:
    "Simulate, train, call and score; the report. With --train_only it ends after training, empty."
    versions = installed_callers() if a.callers else {}
    trains = all_training_images(a, work)
    simulated = describe_images(trains)
    print(f"{simulated['images']} simulated images {simulated['classes']}, {simulated['hom_ref']:.0%} of the "
          "sites hom-ref", flush=True)
    recipe = make_recipe(a, trains)
    config = Config(
        **recipe["train"], arch=a.arch, data=",".join(map(str, trains)), fold=0, seeds=a.seeds,
        experiment=f"sim_to_real_{a.test}_{recipe['id']}", outputs=str(work/"outputs") if a.work else "",
        tracker="none")
    folders = train_all(config, a.jobs, a.threads)
    learnt = {arch: train_arch(replace(config, arch=arch, seeds=1))[0] for arch in baselines}
    if a.train_only: return ""
    whole = whole_sample(a, work)
    samples = [at_depth(whole, depth, work) for depth in a.depths]
    tested = []
    for sample in samples:
        if a.test != "simulated":
            log_look(a, recipe, simulated["images"], config.epochs, sample.depth, versions)
        tested.append(score_all(a, work, sample, folders, learnt, versions))
    text = report(a, recipe, simulated, tested, folders)
    return text+check_adapting(folders)+"\n" if a.adapt else text


def read_depths(text: str) -> list[float]:
    "Depths of an argument, such as 0,15,9."
    try: depths = [float(part) for part in text.split(",")]
    except ValueError: depths = [-1.]
    if min(depths) < 0 or len(set(depths)) < len(depths):
        raise argparse.ArgumentTypeError(f"{text}: expected different depths of 0 or more, such as 0,15,9")
    return depths


def read_arguments() -> argparse.Namespace:
    formatter = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=formatter)
    parser.add_argument("test", choices=tests)
    parser.add_argument("--mb", type=float, default=15.,
                        help="megabases to simulate, at most what the sequence has")
    parser.add_argument("--samples", type=int, default=3,
                        help="simulated samples of the same sequence, each with its own variants and reads; "
                             "with --made one sample of so many times --mb")
    parser.add_argument("--test_mb", type=float, default=5., help="megabases of the test `simulated`")
    parser.add_argument("--depths", type=read_depths, default=[0.],
                        help="mean depths of the test reads, such as 0,15,9; 0 is as sequenced")
    parser.add_argument("--callers", action="store_true",
                        help="also score bcftools and freebayes, where they are installed, on the same reads")
    parser.add_argument("--made", action="store_true", help="a made genome in place of real sequence")
    parser.add_argument("--no_realign", action="store_true",
                        help="reads as they were aligned, in training and test")
    parser.add_argument("--arch", default="mobilenetv3_small_100")
    parser.add_argument("--config", type=Path, default=project_root()/"configs"/"simulation.yaml",
                        help="YAML file with settings of the training")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="seeds that train at a time")
    parser.add_argument("--threads", type=int, default=0, help="of each training (default: CPUs / jobs)")
    parser.add_argument("--work", type=Path,
                        help="folder of simulated data, runs and calls, which are used again (default: "
                             "data/sim_to_real and outputs)")
    parser.add_argument("--train_only", action="store_true",
                        help="train and stop before test reads are opened")
    parser.add_argument("--data", type=Path, default=project_root().parent/"shared"/"data",
                        help="folder of the real reads: hg002, na12878, reference")
    parser.add_argument("--adapt", action="store_true",
                        help="call at the class frequencies of the real candidates, estimated without labels "
                             "(dvb_call --adapt)")
    parser.add_argument("--write", action="store_true", help="write the report to benchmarks/results/")
    return parser.parse_args()


def table_file(a: argparse.Namespace) -> Path:
    "The file of the report."
    name = "_".join(["sim_to_real", a.test, *variant_names(a)])
    return project_root()/"benchmarks"/"results"/f"{name}.md"


def would_lose_callers(a: argparse.Namespace, table: Path) -> str:
    "Why a table to write would have no rows of other callers, though asked for or there already; else empty."
    if not a.write or a.train_only: return ""
    if a.callers and missing_callers():
        return (f"--callers --write: expected {' and '.join(programs)}, "
                f"found no {' and no '.join(missing_callers())}; "
                "install them (Debian has them), or leave out --write")
    there = [program for program, name in programs.items() if table.exists() and name in table.read_text()]
    if not a.callers and there:
        return f"--write: {table.name} has rows of {' and '.join(there)}; add --callers, or leave out --write"
    return ""


def main():
    a = read_arguments()
    if refusal := would_lose_callers(a, table_file(a)):
        print(f"sim_to_real: {refusal}", file=sys.stderr)
        sys.exit(2)
    work = (a.work or home_folder()/"data"/"sim_to_real").resolve()
    work.mkdir(parents=True, exist_ok=True)
    try: text = run(a, work)
    except DvBenchError as e: sys.exit(f"sim_to_real: {e}")
    if a.train_only: return
    print(text)
    if a.write: table_file(a).write_text(text)


if __name__ == "__main__": main()
