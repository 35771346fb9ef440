"""Simulation to reality: networks trained on simulated reads alone call real reads and are scored.

Training reads come from GRCh38 chr20 and chr21 (first 10 Mb of each, which do not overlap the test region)
or, with --made, from a made genome. The platform profile is that of the other sample: of the test sample
only depth, read length and insert size are used. Everything else is what a user runs: dvb_examples,
dvb_train, dvb_call --predictions, dvb_score. Genotypes count, and truth variants that never became
candidates count as missed.

Usage: python benchmarks/sim_to_real.py simulated --seeds 2     # to compare recipes (configs/simulation.yaml)
       python benchmarks/sim_to_real.py na12878 --seeds 1       # to compare recipes on real reads
       python benchmarks/sim_to_real.py hg002 --seeds 5 --write # once per recipe

Each test on real reads is logged in benchmarks/results/sim_to_real_looks.tsv. The test `simulated` has 5 Mb
of a made genome with the profile of HG002's reads; training is as for hg002. The real reads, their truth
and the references are in a folder (--data) that is not part of the project.
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
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import yaml
from scipy.stats import binomtest

import dv_bench
from dv_bench.calling.calibration import (
    calibrated, expected_class_counts, fit_calibration, reweight_to_sample
)
from dv_bench.calling.caller import call
from dv_bench.calling.genotypes import merge_sites
from dv_bench.calling.heldout import held_out_predictions
from dv_bench.calling.scoring import score_calls
from dv_bench.calling.sources import from_predictions
from dv_bench.calling.vcf import vcf_alleles
from dv_bench.core import git_commit, home_folder, project_root, read_json
from dv_bench.dataset.folder import PileupDataset
from dv_bench.hts import open_reference, write_vcf
from dv_bench.images.examples import prepare, write_dataset
from dv_bench.simulation.sample import Options, simulate
from dv_bench.training.runs import open_runs
from dv_bench.training.settings import Config
from dv_bench.training.sweep import train_arch

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
probabilities = ["p0", "p1", "p2"]


class Sample(NamedTuple):
    "The reads that are called, and their truth."
    name: str     # of the test
    folder: Path  # with reads.bam, truth.vcf.gz and confident.bed
    ref: Path     # FASTA


class Result(NamedTuple):
    "How well one classifier calls the test sample."
    name: str
    counts: dict         # SNP, INDEL -> tp, fn, fp and more, as dvb_score counts
    errors: list         # texts: the records that dvb_score counts as missed or false
    hom_ref: tuple       # hom-ref candidates with a wrong genotype, all hom-ref candidates
    right: dict          # site id -> is the genotype right?
    simulated: float     # share of right images of the simulation that no model learnt from
    wrong: list          # texts: candidate sites with a wrong genotype


# Simulated and real images

def code_hash() -> str:
    "Hash of the code and the profiles that determine simulated reads and their images."
    folder = Path(dv_bench.__file__).parent
    files = [file for room in ("images", "simulation") for file in sorted((folder/room).rglob("*.py"))]
    files += [folder/"data"/f"{test['platform']}.json" for test in tests.values()]
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:8]


def short_hash(value) -> str:
    "Eight digits that identify a JSON value."
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:8]


def training_images(a: argparse.Namespace, work: Path, settings: dict, mb: float) -> Path:
    "The images of one simulated sample, made if they are missing."
    genome = "made" if a.made else "GRCh38"
    name = short_hash({"simulate": settings, "mb": mb, "genome": genome, "realign": not a.no_realign,
                       "code": code_hash()})
    images = work/f"train_{name}"
    if (images/"dataset.json").exists(): return images
    sample = work/f"reads_{name}"
    if not sample.exists():
        fasta = None if a.made else a.data/"reference"/"grch38.chr20_chr21_first10Mb.fasta.gz"
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
    return [training_images(a, work, tests[a.test] | {"seed": seed}, mb) for seed, mb in enumerate(sizes, 1)]


def test_sample(a: argparse.Namespace, work: Path) -> Sample:
    "The sample to call. A simulated one is made if it is missing; stops if real reads are missing."
    if a.test != "simulated":
        folder = a.data/a.test
        if not folder.exists(): sys.exit(f"sim_to_real: the real reads are expected in {folder}; see --data")
        return Sample(a.test, folder, a.data/"reference"/"hg19.chr20.fasta.gz")
    folder = work/f"reads_simulated_{code_hash()}"
    if not folder.exists():
        settings = tests["hg002"] | {"platform": "hiseq148", "seed": 1000}
        simulate(folder, 5, Options(**settings), jobs=a.jobs)
    return Sample(a.test, folder, folder/"reference.fasta")


def test_images(sample: Sample, work: Path, realign: bool, jobs: int) -> Path:
    "The images of the test sample, made if they are missing."
    images = work/f"test_{sample.name}{'' if realign else '_not_realigned'}_{code_hash()}"
    if (images/"dataset.json").exists(): return images
    regions = [] if sample.name == "simulated" else ["chr20"]
    job = prepare(sample.folder/"reads.bam", sample.ref, regions, truth=sample.folder/"truth.vcf.gz",
                  confident=sample.folder/"confident.bed", realign=realign, source=sample.name)
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


def train_all(config: Config, jobs: int) -> list[Path]:
    "The run folders of all seeds, `jobs` of them trained at a time."
    configs = [replace(config, seed=config.seed+k, seeds=1) for k in range(config.seeds)]
    jobs = min(jobs, len(configs))
    threads = max(1, os.cpu_count()//jobs)
    with ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn")) as pool:
        for training in [pool.submit(train_one, c, threads) for c in configs]: training.result()
    return train_arch(config)  # all are complete, so this only finds their folders


# Scores

def score(sample: Sample, vcf: Path) -> tuple[dict, list[str]]:
    "What `dvb_score` counts, and the records that it counts as missed or false."
    scored = score_calls(vcf, sample.folder/"truth.vcf.gz", sample.ref, sample.folder/"confident.bed")
    kinds = {"FN": "missed", "FP": "false"}
    errors = []
    with open_reference(sample.ref) as fasta:
        for contig, decided in scored.decided.items():
            def bases(start, end): return fasta.fetch(contig, start, end).upper()
            for record in decided:
                if record.decision not in kinds: continue
                pos, ref, alts, genotype = vcf_alleles(record.call, bases)
                errors.append(f"{kinds[record.decision]} {contig}:{pos} {ref}>{','.join(alts)} {genotype}")
    return scored.to_dict(), errors


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


def score_run(sample: Sample, folder: Path, name: str, adapt: bool) -> Result:
    "What `dvb_call --predictions` and `dvb_score` say of a run folder, and what its sites and images show."
    runs = open_runs(folder)
    with tempfile.TemporaryDirectory() as work:
        vcf = Path(work)/"calls.vcf.gz"
        with contextlib.redirect_stdout(io.StringIO()): call(from_predictions(runs), vcf, adapt=adapt)
        counts, errors = score(sample, vcf)
    images = held_out_predictions(runs)
    if adapt: images, _ = adapted(images, folder)
    sites = merge_sites(images)
    sites["correct"] = sites.correct.fillna(False).astype(bool)
    wrong = sites[~sites.correct & sites.genotype.notna()]
    return Result(name, counts, errors, wrong_hom_refs(sites), sites.set_index("site_id").correct.to_dict(),
                  simulated_accuracy(folder), [site_text(s) for s in wrong.itertuples()])


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


def fixed_thresholds(sample: Sample, folder: Path, low: float = .2, high: float = .8) -> Result:
    "Genotype by allele fraction alone, nothing learnt; scored through a VCF of its own."
    images = held_out_predictions(open_runs(folder))
    images[probabilities] = threshold_probabilities(images, low, high)
    sites = merge_sites(images)
    with tempfile.TemporaryDirectory() as work:
        vcf = Path(work)/"thresholds.vcf.gz"
        write_genotypes(vcf, sites)
        counts, errors = score(sample, vcf)
    predictions = pd.read_parquet(next(folder.glob("fold*_seed*/predictions.parquet")))
    tune = predictions[predictions.role == "tune"]
    right = sites.set_index("site_id").correct.fillna(False).astype(bool).to_dict()
    name = f"allele fraction, thresholds {low} / {high}"
    return Result(name, counts, errors, wrong_hom_refs(sites), right,
                  accuracy(threshold_probabilities(tune, low, high), tune.label), [])


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


# The report

def f1(counts: dict) -> float:
    "F1 from tp, fn and fp; 0 without any."
    return 2*counts["tp"]/max(2*counts["tp"]+counts["fn"]+counts["fp"], 1)


def f1_of_all(result: Result) -> float:
    "F1 of SNPs and indels together."
    return f1({key: result.counts["SNP"][key]+result.counts["INDEL"][key] for key in ("tp", "fn", "fp")})


def interval(wrong: int, n: int) -> str:
    "errors / n and the exact 95% interval (Clopper and Pearson) of the share, in percent."
    if not n: return "0/0"
    ci = binomtest(wrong, n).proportion_ci(method="exact")
    return f"{wrong}/{n} ({100*ci.low:.1f}-{100*ci.high:.1f}%)"


def first_few(texts: list[str], n: int = 20) -> list[str]:
    "The first n texts, and how many more there are."
    return texts if len(texts) <= n else [*texts[:n], f"and {len(texts)-n} more"]


def table_row(cells: list[str]) -> str:
    "A row of a Markdown table."
    return "|"+"".join(f" {cell} |" if cell else " |" for cell in cells)


def result_row(result: Result) -> str:
    "A row of the table."
    cells = [result.name]
    for kind in ("SNP", "INDEL"):
        c = result.counts[kind]
        cells += [interval(c["fn"], c["tp"]+c["fn"]), interval(c["fp"], c["tp"]+c["fp"]), f"{f1(c):.3f}"]
    cells += [f"{f1_of_all(result):.3f}", interval(*result.hom_ref), f"{result.simulated:.3f}"]
    return table_row(cells)


def median_row(nets: list[Result]) -> str:
    "The row of medians over the seeds."
    def median(value: Callable) -> str: return f"{np.median([value(net) for net in nets]):.3f}"
    snp = median(lambda net: f1(net.counts["SNP"]))
    indel = median(lambda net: f1(net.counts["INDEL"]))
    simulated = median(lambda net: net.simulated)
    name = f"**median over {len(nets)} seed(s)**"
    return table_row([name, "", "", snp, "", "", indel, median(f1_of_all), "", simulated])


def paired(one: Result, other: Result) -> str:
    "Two classifiers compared on the same candidate sites."
    better = sum(right and not other.right.get(site, False) for site, right in one.right.items())
    worse = sum(other.right.get(site, False) and not right for site, right in one.right.items())
    text = (f"- {one.name} against {other.name}, candidate sites in pairs: right where the other is wrong "
            f"{better}, the reverse {worse}")
    if not better+worse: return f"{text}: a difference is not shown."
    ci = binomtest(better, better+worse).proportion_ci(method="exact")
    verdict = "a difference is not shown"
    if ci.low > .5: verdict = "better"
    if ci.high < .5: verdict = "worse"
    return f"{text}, share {better/(better+worse):.2f} ({ci.low:.2f}-{ci.high:.2f}): {verdict}."


def variant_names(a: argparse.Namespace) -> dict[str, str]:
    "The options that change the test: name in file names -> name in texts."
    given = {"made": a.made, "as_aligned": a.no_realign, "adapted": a.adapt}
    texts = {"made": "made genome", "as_aligned": "reads as they were aligned", "adapted": "adapted"}
    return {name: texts[name] for name, is_given in given.items() if is_given}


def recipe_text(a: argparse.Namespace, recipe: dict, simulated: dict) -> str:
    "What the networks were trained on."
    genome = "GRCh38 chr20/chr21 (first 10 Mb each, N left out)"
    size = f"{recipe['samples']} sample(s) of {recipe['mb']:g} Mb of {genome}"
    if a.made: size = f"{recipe['samples']} times {recipe['mb']:g} Mb of a made genome"
    settings = recipe["simulate"]
    aligned = "as they were aligned" if a.no_realign else "realigned"
    return (f"Recipe {recipe['id']}: {size}, profile {settings['platform']} (the other sample's), "
            f"depth {settings['coverage']:g}, reads of {settings['read_length']} bases, {aligned}: "
            f"{simulated['images']} images {simulated['classes']}, {simulated['hom_ref']:.0%} of the sites "
            "hom-ref.")


def training_text(a: argparse.Namespace, recipe: dict, folders: list[Path]) -> str:
    "How the networks were trained."
    settings = ", ".join(f"{key} {value}" for key, value in recipe["train"].items())
    seconds = [f"{read_json(folder/'run.json')['cost']['train_seconds']:.0f}" for folder in folders]
    text = (f"{a.arch}: {settings}; {len(folders)} seed(s), {', '.join(seconds)} s of training each, "
            f"{min(a.jobs, len(folders))} at a time on {os.cpu_count()} CPUs.")
    if not a.adapt: return text
    return (f"{text} Networks and learnt baselines call at the class frequencies of the real candidates, "
            "which are estimated without labels (`dvb_call --adapt`).")


def title(a: argparse.Namespace) -> str:
    "The heading of the report."
    tested = "other simulated reads" if a.test == "simulated" else a.test
    what = ", ".join([tested, *variant_names(a).values()])
    return f"# Simulation to reality: trained on simulated reads alone, tested on {what}"


def explanation() -> str:
    "What the columns of the table mean."
    return ("Missed: truth variants in the confident regions that were not called with their genotype, "
            "whether they became candidates or not. False: calls there without a true variant of that "
            "genotype. In brackets exact 95% intervals of the share. Simulated: share of right images on "
            "simulated reads that no model learnt from.")


def error_list(result: Result) -> list[str]:
    "What a classifier misses and calls falsely."
    sites = first_few(result.wrong) or ["none"]
    return ["", f"What {result.name} misses and calls falsely, as `dvb_score` counts: "
            f"{'; '.join(first_few(result.errors)) or 'nothing'}. Candidate sites with a wrong genotype:", "",
            *(f"- {site}" for site in sites)]


def report(a: argparse.Namespace, recipe: dict, simulated: dict, others: list[Result], nets: list[Result],
           mean: list[Result], folders: list[Path]) -> str:
    "The whole report; `mean` has the mean of the seeds, or nothing for a single seed."
    head = ["", "SNP missed", "SNP false", "SNP F1", "INDEL missed", "INDEL false", "INDEL F1", "all F1",
            "hom-ref candidates wrong", "simulated"]
    table = [table_row(head), "|---"*len(head)+"|",
             *(result_row(result) for result in [*others, *nets, *mean]), median_row(nets)]
    command = f"python benchmarks/sim_to_real.py {' '.join(sys.argv[1:])}"
    method = f"{recipe_text(a, recipe, simulated)} {training_text(a, recipe, folders)}"
    lines = [title(a), "", f"`{command}`, commit {git_commit()}.", "", method, "", explanation(), "",
             *table, ""]
    middle = sorted(nets, key=f1_of_all)[len(nets)//2]
    lines += [paired(result, other) for result in (middle, *mean) for other in others]
    for result in (middle, *mean, *others[-1:]): lines += error_list(result)
    if a.adapt: lines += ["", check_adapting(folders)]
    return "\n".join(lines)+"\n"


# The whole

def make_recipe(a: argparse.Namespace, trains: list[Path]) -> dict:
    "All settings of simulation and training, with an id."
    settings = yaml.safe_load(a.config.read_text()) | {"rows": rows[a.test]}
    recipe = {"simulate": tests[a.test], "mb": a.mb, "samples": a.samples, "made": a.made,
              "realign": not a.no_realign, "train": settings}
    fingerprints = [PileupDataset(folder).info["fingerprint"] for folder in trains]
    return recipe | {"id": short_hash([recipe, fingerprints])}


def log_look(a: argparse.Namespace, recipe: dict, n_images: int, epochs: int):
    "Note that real reads were tested on."
    genome = "made genome" if a.made else "real sequence"
    variant = genome+", as aligned"*a.no_realign+", adapted"*a.adapt
    look = [time.strftime("%Y-%m-%d %H:%M", time.gmtime()), a.test, recipe["id"], git_commit(), a.arch,
            f"{a.seeds} seeds", f"{n_images} images", f"{epochs} epochs", variant]
    with open(project_root()/"benchmarks"/"results"/"sim_to_real_looks.tsv", "a") as f:
        f.write("\t".join(look)+"\n")


def run(a: argparse.Namespace, work: Path) -> str:
    "Simulate, train, call and score; the report."
    sample = test_sample(a, work)
    trains = all_training_images(a, work)
    test = test_images(sample, work, not a.no_realign, a.jobs)
    simulated = describe_images(trains)
    print(f"{simulated['images']} simulated images {simulated['classes']}, {simulated['hom_ref']:.0%} of the "
          f"sites hom-ref; {PileupDataset(test).info['n']} images of {a.test}", flush=True)
    recipe = make_recipe(a, trains)
    config = Config(
        **recipe["train"], arch=a.arch, data=",".join(map(str, trains)), test_data=str(test),
        experiment=f"sim_to_real_{a.test}_{recipe['id']}", folds=10, fold=0, seeds=a.seeds, tracker="none")
    folders = train_all(config, a.jobs)
    others = [fixed_thresholds(sample, folders[0].parent)]
    for arch, name in baselines.items():
        others.append(score_run(sample, train_arch(replace(config, arch=arch, seeds=1))[0], name, a.adapt))
    nets = [score_run(sample, folder, f"{a.arch}, seed {k}", a.adapt) for k, folder in enumerate(folders)]
    mean = []
    if a.seeds > 1:
        mean = [score_run(sample, folders[0].parent, f"{a.arch}, mean of {a.seeds} seeds", a.adapt)]
    if a.test != "simulated": log_look(a, recipe, simulated["images"], config.epochs)
    return report(a, recipe, simulated, others, nets, mean, folders)


def read_arguments() -> argparse.Namespace:
    formatter = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=formatter)
    parser.add_argument("test", choices=tests)
    parser.add_argument("--mb", type=float, default=15.,
                        help="megabases to simulate, at most what the sequence has")
    parser.add_argument("--samples", type=int, default=3,
                        help="simulated samples of the same sequence, each with its own variants and reads; "
                             "with --made one sample of so many times --mb")
    parser.add_argument("--made", action="store_true", help="a made genome in place of real sequence")
    parser.add_argument("--no_realign", action="store_true",
                        help="reads as they were aligned, in training and test")
    parser.add_argument("--arch", default="mobilenetv3_small_100")
    parser.add_argument("--config", type=Path, default=project_root()/"configs"/"simulation.yaml",
                        help="YAML file with settings of the training")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="seeds that train at a time")
    parser.add_argument("--data", type=Path, default=project_root().parent/"shared"/"data",
                        help="folder of the real reads: hg002, na12878, reference")
    parser.add_argument("--adapt", action="store_true",
                        help="call at the class frequencies of the real candidates, estimated without labels "
                             "(dvb_call --adapt)")
    parser.add_argument("--write", action="store_true", help="write the report to benchmarks/results/")
    return parser.parse_args()


def main():
    a = read_arguments()
    work = home_folder()/"data"/"sim_to_real"
    work.mkdir(parents=True, exist_ok=True)
    text = run(a, work)
    print(text)
    if not a.write: return
    name = "_".join(["sim_to_real", a.test, *variant_names(a)])
    (project_root()/"benchmarks"/"results"/f"{name}.md").write_text(text)


if __name__ == "__main__": main()
