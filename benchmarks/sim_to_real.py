"""Simulation to reality: networks trained on simulated reads alone call real ones and are scored against the truth.

    python benchmarks/sim_to_real.py simulated --seeds 2     # recipes (configs/simulation.yaml) are compared here: other simulated reads, of a genome made anew
    python benchmarks/sim_to_real.py na12878 --seeds 1       # and here
    python benchmarks/sim_to_real.py hg002 --seeds 5 --write # once per recipe; every look at real reads is logged in benchmarks/results/sim_to_real_looks.tsv

Training reads come from GRCh38 chr20 and chr21 (first 10 Mb of each, which do not overlap the test region) or, with --made, from a made genome; the
platform profile is that of the other sample, so that nothing of the test sample is seen but its depth, read and insert length. Then everything is what
a user runs: dvb_examples, dvb_train, dvb_call --predictions, dvb_score. Genotypes count, and truth variants that never became candidates are missed.
The test `simulated` has 5 Mb of a made genome with the profile of HG002's reads; training is as for hg002.
The real reads, their truth and the references lie in a folder (--data) that is not part of the project.
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

import numpy as np
import pandas as pd
import yaml
from scipy.stats import binomtest

import dv_bench
from dv_bench.calling.caller import assumed_counts, call, held_out
from dv_bench.core import git_commit, project_root, read_json
from dv_bench.hts import open_reference, write_vcf
from dv_bench.dataset.folder import PileupDataset
from dv_bench.calling.genotypes import merge_sites
from dv_bench.calling.calibration import calibrated, fit_calibration, reweight_to_sample
from dv_bench.images.examples import prepare, write_dataset
from dv_bench.calling.vcf import vcf_alleles
from dv_bench.calling.scoring import score_calls
from dv_bench.simulation.sample import Options, simulate
from dv_bench.training.settings import Config
from dv_bench.training.sweep import train_arch

tests = {"hg002": dict(platform="hiseq101", coverage=30., read_length=148, insert_size=570.),
         "na12878": dict(platform="hiseq148", coverage=51., read_length=101, insert_size=320.)}
tests["simulated"] = tests["hg002"]
rows = {"hg002": 70, "simulated": 70, "na12878": 0}  # of the images: reads 30 deep seldom fill more, 51 deep fill them all
baselines = {"allele_fraction": "allele fraction, thresholds learnt on the simulation", "gradient_boosting": "gradient boosting on counts, learnt on the simulation"}


def code_hash() -> str:
    "Of the modules and profiles that decide what simulated reads and their images look like."
    folder = Path(dv_bench.__file__).parent
    files = [folder/f"{m}.py" for m in ("simulate", "candidates", "labels", "realign", "pileup")]+[folder/"data"/f"{t['platform']}.json" for t in tests.values()]
    return hashlib.sha256(b"".join(f.read_bytes() for f in files)).hexdigest()[:8]


def training_images(a, work: Path, recipe: dict) -> Path:
    "The images of one simulated sample, made where they are missing."
    made = {**recipe, "genome": "made" if a.made else "GRCh38", "realign": not a.no_realign, "code": code_hash()}
    name = hashlib.sha256(json.dumps(made, sort_keys=True).encode()).hexdigest()[:8]
    if not (work/f"train_{name}"/"dataset.json").exists():
        reads = work/f"reads_{name}"
        if not reads.exists():
            fasta = None if a.made else a.data/"reference"/"grch38.chr20_chr21_first10Mb.fasta.gz"
            simulate(reads, recipe["mb"], Options(**recipe["simulate"]), fasta, jobs=a.jobs)
        write_dataset(work/f"train_{name}", prepare(reads/"reads.bam", reads/"reference.fasta", truth=reads/"truth.vcf.gz", confident=reads/"confident.bed", realign=not a.no_realign,
                                                  source=f"simulated{recipe['simulate']['seed']}"), a.jobs)
        shutil.rmtree(reads)   # larger than the images, and soon made again
    return work/f"train_{name}"


def test_images(a, work: Path) -> Path:
    folder = work/f"test_{a.test}{'_not_realigned' if a.no_realign else ''}_{code_hash()}"
    if not (folder/"dataset.json").exists():
        write_dataset(folder, prepare(a.real/"reads.bam", a.ref, [] if a.test == "simulated" else ["chr20"], truth=a.real/"truth.vcf.gz", confident=a.real/"confident.bed", realign=not a.no_realign, source=a.test), a.jobs)
    return folder


def train_one(config: Config, threads: int) -> None:
    import torch
    torch.set_num_threads(threads)
    train_arch(config)


def train_all(config: Config, jobs: int) -> list[Path]:
    "The run folders of all seeds, `jobs` of them trained at a time."
    seeds = [replace(config, seed=config.seed+k, seeds=1) for k in range(config.seeds)]
    jobs = min(jobs, len(seeds))
    with ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn")) as pool:
        for done in [pool.submit(train_one, c, max(1, os.cpu_count()//jobs)) for c in seeds]: done.result()
    return train_arch(config)  # all are complete: their folders


def score(a, vcf: Path) -> dict:
    "What `dvb_score` counts, and the records that it counts as missed or false."
    found = score_calls(vcf, a.real/"truth.vcf.gz", a.ref, a.real/"confident.bed")
    def written(contig, call):
        pos, ref, alts, gt = vcf_alleles(call, lambda start, end: fasta.fetch(contig, start, end).upper())
        return f"{contig}:{pos} {ref}>{','.join(alts)} {gt}"
    with open_reference(a.ref) as fasta:
        lost = [f"{'missed' if d.decision == 'FN' else 'false'} {written(c, d.call)}" for c, decided in found.decided.items() for d in decided if d.decision in ("FN", "FP")]
    return found.to_dict() | {"lost": lost}


def score_run(a, folder: Path, name: str) -> dict:
    "What `dvb_call --predictions` and `dvb_score` say of a run folder; per candidate site whether its genotype is right; right images of the simulation."
    with tempfile.TemporaryDirectory() as work:
        with contextlib.redirect_stdout(io.StringIO()): call(Path(work)/"calls.vcf.gz", folder, predictions=True, adapt=a.adapt)
        scored = score(a, Path(work)/"calls.vcf.gz")
    rows = held_out(folder)[0]
    sites = merge_sites(reweight_to_sample(rows, assumed_counts(folder))[0] if a.adapt else rows)
    sites["correct"] = sites.correct.fillna(False).astype(bool)
    hom_ref, wrong = sites[sites.genotype == "0/0"], sites[~sites.correct & sites.genotype.notna()]
    runs = [folder] if (folder/"run.json").exists() else sorted(folder.glob("fold*_seed*"))
    tune = [t[t.role == "tune"] for t in (pd.read_parquet(r/"predictions.parquet") for r in runs)]
    return {"name": name, **scored, "hom_ref": [int((hom_ref.call != "0/0").sum()), len(hom_ref)], "right": sites.set_index("site_id").correct.to_dict(),
            "simulated": accuracy(sum(t[["p0", "p1", "p2"]].to_numpy(float) for t in tune), tune[0].label),
            "wrong": [f"{s.chrom}:{s.pos0+1} {s.ref}>{s.alts} true {s.genotype} called {s.call} ({s.alt_counts} of {s.depth} reads, run of {s.homopolymer_length})" for s in wrong.itertuples()]}


def fixed_thresholds(a, folder: Path, low: float = .2, high: float = .8) -> dict:
    "Genotype by allele fraction alone, nothing learnt; scored through a VCF of its own."
    def genotype(rows): return np.eye(3)[np.digitize(rows.allele_fraction.fillna(0), [low, high])]*.98+.02/3
    rows, predictions = held_out(folder)[0], pd.read_parquet(next(folder.glob("fold*_seed*/predictions.parquet")))
    sites, tune = merge_sites(rows.assign(**dict(zip(("p0", "p1", "p2"), genotype(rows).T)))), predictions[predictions.role == "tune"]
    with tempfile.TemporaryDirectory() as work:
        write_vcf(vcf := Path(work)/"thresholds.vcf.gz", ['##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">'], {c: None for c in sites.chrom.unique()}, ["TEST"],
                  (f"{s.chrom}\t{s.pos0+1}\t.\t{s.ref}\t{s.alts}\t{s.qual:.1f}\tPASS\t.\tGT\t{s.call}" for s in sites.sort_values(["chrom", "pos0"]).itertuples() if s.call != "0/0"))
        scored = score(a, vcf)
    hom_ref = sites[sites.genotype == "0/0"]
    return {"name": f"allele fraction, thresholds {low} / {high}", **scored, "hom_ref": [int((hom_ref.call != "0/0").sum()), len(hom_ref)],
            "right": sites.set_index("site_id").correct.fillna(False).astype(bool).to_dict(), "simulated": accuracy(genotype(tune), tune.label)}


def thinned(folders: list[Path], keep: int = 7) -> str:
    "Whether adapting to the mix helps where the truth is known: held-out simulated images, most of the hom-ref ones left out."
    tables = [calibrated(t[t.role == "tune"], fit_calibration(read_json(f/"run.json"), t)) for f in folders for t in [pd.read_parquet(f/"predictions.parquet")]]
    rows = tables[0].assign(**{p: sum(t[p] for t in tables)/len(tables) for p in ("p0", "p1", "p2")})
    rows = rows.drop(index=[r for i, r in enumerate(rows.index[rows.label == 0]) if i % keep])
    after, mix = reweight_to_sample(rows, assumed_counts(folders[0]))
    return (f"A check of adapting, where the truth is known: of the held-out simulated images {keep-1} of {keep} hom-ref ones are left out, which leaves {len(rows)}, {(rows.label == 0).mean():.3f} of them "
            f"hom-ref. From the networks' mean alone a share of {mix[0]:.3f} is found, and {accuracy(after[['p0', 'p1', 'p2']].to_numpy(), rows.label):.3f} of the images are right, "
            f"without adapting {accuracy(rows[['p0', 'p1', 'p2']].to_numpy(), rows.label):.3f}.")


def accuracy(probs, labels) -> float: return float((probs.argmax(1) == labels.to_numpy(int)).mean())

def f1(c: dict) -> float: return 2*c["tp"]/max(2*c["tp"]+c["fn"]+c["fp"], 1)

def both(r: dict) -> dict: return {k: r["SNP"][k]+r["INDEL"][k] for k in ("tp", "fn", "fp")}

def interval(wrong: int, n: int) -> str:
    "errors / n and the exact 95% interval (Clopper and Pearson) of the share, in percent."
    if not n: return "0/0"
    ci = binomtest(wrong, n).proportion_ci(method="exact")
    return f"{wrong}/{n} ({100*ci.low:.1f}-{100*ci.high:.1f}%)"

def few(texts: list[str], n: int = 20) -> list[str]: return texts if len(texts) <= n else [*texts[:n], f"and {len(texts)-n} more"]

def row(r: dict) -> str:
    cells = [f"{interval(c['fn'], c['tp']+c['fn'])} | {interval(c['fp'], c['tp']+c['fp'])} | {f1(c):.3f}" for c in (r["SNP"], r["INDEL"])]
    return f"| {r['name']} | {' | '.join(cells)} | {f1(both(r)):.3f} | {interval(*r['hom_ref'])} | {r['simulated']:.3f} |"

def paired(one: dict, other: dict) -> str:
    better = sum(v and not other["right"].get(k, False) for k, v in one["right"].items())
    worse = sum(other["right"].get(k, False) and not v for k, v in one["right"].items())
    ci = binomtest(better, better+worse).proportion_ci(method="exact") if better+worse else None
    verdict = "better" if ci and ci.low > .5 else "worse" if ci and ci.high < .5 else "a difference is not shown"
    return (f"- {one['name']} against {other['name']}, candidate sites in pairs: right where the other is wrong {better}, the reverse {worse}"
            + (f", share {better/(better+worse):.2f} ({ci.low:.2f}-{ci.high:.2f})" if ci else "") + f": {verdict}.")


def report(a, recipe: dict, simulated: dict, others: list[dict], nets: list[dict], mean: dict|None, folders: list[Path]) -> str:
    median = lambda f: float(np.median([f(r) for r in nets]))
    seconds = [read_json(f/"run.json")["cost"]["train_seconds"] for f in folders]
    settings = ", ".join(f"{k} {v}" for k, v in recipe["train"].items())
    out = [f"# Simulation to reality: trained on simulated reads alone, tested on {'other simulated reads' if a.test == 'simulated' else a.test}{', made genome' if a.made else ''}{', reads as they were aligned' if a.no_realign else ''}{', adapted' if a.adapt else ''}", "",
           f"`python benchmarks/sim_to_real.py {' '.join(sys.argv[1:])}`, commit {git_commit()}.", "",
           f"Recipe {recipe['id']}: {recipe['samples']} {'times' if a.made else 'sample(s) of'} {recipe['mb']:g} Mb of {'a made genome' if a.made else 'GRCh38 chr20/chr21 (first 10 Mb each, N left out)'}, profile "
           f"{recipe['simulate']['platform']} (the other sample's), depth {recipe['simulate']['coverage']:g}, reads of {recipe['simulate']['read_length']} bases, "
           f"{'as they were aligned' if a.no_realign else 'realigned'}: {simulated['images']} images {simulated['classes']}, {simulated['hom_ref']:.0%} of the sites hom-ref. {a.arch}: {settings}; {len(nets)} seed(s), {', '.join(f'{s:.0f}' for s in seconds)} s of training "
           f"each, {min(a.jobs, len(nets))} at a time on {os.cpu_count()} CPUs." + (" Networks and what was learnt from counts call at the class mix of the real candidates, found "
           "without their labels (`dvb_call --adapt`)." if a.adapt else ""), "",
           "Missed: truth variants in the confident regions that were not called with their genotype, whether they became candidates or not. False: calls there without a true "
           "variant of that genotype. In brackets exact 95% intervals of the share. Simulated: share of right images on simulated reads that no model learnt from.", "",
           "| | SNP missed | SNP false | SNP F1 | INDEL missed | INDEL false | INDEL F1 | all F1 | hom-ref candidates wrong | simulated |", "|---"*10+"|",
           *map(row, [*others, *nets, *([mean] if mean else [])]),
           f"| **median over {len(nets)} seed(s)** | | | {median(lambda r: f1(r['SNP'])):.3f} | | | {median(lambda r: f1(r['INDEL'])):.3f} | {median(lambda r: f1(both(r))):.3f} | | {median(lambda r: r['simulated']):.3f} |", ""]
    middle = sorted(nets, key=lambda r: f1(both(r)))[len(nets)//2]
    out += [paired(r, other) for r in (middle, *([mean] if mean else [])) for other in others]
    for r in (middle, *([mean] if mean else []), *others[-1:]):
        out += ["", f"What {r['name']} misses and calls falsely, as `dvb_score` counts: {'; '.join(few(r['lost'])) or 'nothing'}. Candidate sites with a wrong genotype:", "", *(f"- {w}" for w in few(r["wrong"]) or ["none"])]
    if a.adapt: out += ["", thinned(folders)]
    return "\n".join(out)+"\n"


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("test", choices=tests)
    p.add_argument("--mb", type=float, default=15., help="megabases that are simulated, as far as the sequence reaches")
    p.add_argument("--samples", type=int, default=3, help="simulated samples of the same sequence, each with its own variants and reads; with --made one of so many times --mb")
    p.add_argument("--made", action="store_true", help="a made genome in place of real sequence")
    p.add_argument("--no_realign", action="store_true", help="reads as they were aligned, in training and test")
    p.add_argument("--arch", default="mobilenetv3_small_100")
    p.add_argument("--config", type=Path, default=project_root()/"configs"/"simulation.yaml")
    p.add_argument("--seeds", type=int, default=5)
    p.add_argument("--jobs", type=int, default=os.cpu_count(), help="seeds that train at a time")
    p.add_argument("--data", type=Path, default=project_root().parent/"shared"/"data", help="folder of the real reads: hg002, na12878, reference")
    p.add_argument("--adapt", action="store_true", help="call at the class mix that the real candidates show, found without their labels (dvb_call --adapt)")
    p.add_argument("--write", action="store_true", help="write the table to benchmarks/results/")
    a = p.parse_args()
    work = project_root()/"data"/"sim_to_real"
    work.mkdir(parents=True, exist_ok=True)
    a.real, a.ref = a.data/a.test, a.data/"reference"/"hg19.chr20.fasta.gz"
    if a.test == "simulated":
        a.real = work/f"reads_simulated_{code_hash()}"
        a.ref = a.real/"reference.fasta"
        if not a.real.exists(): simulate(a.real, 5, Options(**tests["hg002"] | {"platform": "hiseq148", "seed": 1000}), jobs=a.jobs)
    elif not a.real.exists(): sys.exit(f"sim_to_real: the real reads are expected in {a.real}; see --data")
    parts = [(1, a.mb*a.samples)] if a.made else [(k, a.mb) for k in range(1, a.samples+1)]   # a made genome can be as long as one wants
    trains, test = [training_images(a, work, {"simulate": tests[a.test] | {"seed": k}, "mb": mb}) for k, mb in parts], test_images(a, work)
    data = [PileupDataset(f) for f in trains]
    simulated = {"images": sum(d.info["n"] for d in data), "classes": np.sum([d.info["class_counts"] for d in data], 0).tolist(),
                 "hom_ref": float(np.mean(np.concatenate([d.index.drop_duplicates("site_id").genotype == "0/0" for d in data])))}
    print(f"{simulated['images']} simulated images {simulated['classes']}, {simulated['hom_ref']:.0%} of the sites hom-ref; {PileupDataset(test).info['n']} images of {a.test}", flush=True)
    recipe = {"simulate": tests[a.test], "mb": a.mb, "samples": a.samples, "made": a.made, "realign": not a.no_realign, "train": yaml.safe_load(a.config.read_text()) | {"rows": rows[a.test]}}
    recipe["id"] = hashlib.sha256(json.dumps([recipe, [d.info["fingerprint"] for d in data]], sort_keys=True).encode()).hexdigest()[:8]
    config = Config(**recipe["train"], arch=a.arch, data=",".join(map(str, trains)), test_data=str(test), experiment=f"sim_to_real_{a.test}_{recipe['id']}", folds=10, fold=0, seeds=a.seeds, tracker="none")
    folders = train_all(config, a.jobs)
    others = [score_run(a, train_arch(replace(config, arch=name, seeds=1))[0], text) for name, text in baselines.items()]
    others.insert(0, fixed_thresholds(a, folders[0].parent))
    nets = [score_run(a, f, f"{a.arch}, seed {k}") for k, f in enumerate(folders)]
    mean = score_run(a, folders[0].parent, f"{a.arch}, mean of {a.seeds} seeds") if a.seeds > 1 else None
    print(text := report(a, recipe, simulated, others, nets, mean, folders))
    if a.test != "simulated":
        look = [time.strftime("%Y-%m-%d %H:%M", time.gmtime()), a.test, recipe["id"], git_commit(), a.arch, f"{a.seeds} seeds", f"{simulated['images']} images", f"{config.epochs} epochs",
                ("made genome" if a.made else "real sequence")+(", as aligned" if a.no_realign else "")+(", adapted" if a.adapt else "")]
        with open(project_root()/"benchmarks"/"results"/"sim_to_real_looks.tsv", "a") as f: f.write("\t".join(look)+"\n")
    name = "_".join(["sim_to_real", a.test, *(word for word, on in (("made", a.made), ("as_aligned", a.no_realign), ("adapted", a.adapt)) if on)])
    if a.write: (project_root()/"benchmarks"/"results"/f"{name}.md").write_text(text)


if __name__ == "__main__": main()
