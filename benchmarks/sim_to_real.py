"""Simulation to reality: a network trained on simulated reads alone, scored on real ones.

    python benchmarks/sim_to_real.py na12878 --seeds 1       # choose the recipe here
    python benchmarks/sim_to_real.py hg002 --seeds 5 --write # once per recipe; every look is logged in benchmarks/results/sim_to_real_looks.tsv

Training reads: GRCh38 chr20 and chr21 (first 10 Mb of each, which do not overlap the test region) or, with --made, a made genome; the platform
profile is that of the other sample, so nothing of the test sample is seen but its depth and read length. The test: each site in the confident
regions; genotypes count, and truth variants that never became candidates count as missed. Needs the folder `shared` beside the project.
"""
import argparse, hashlib, json, sys, time
from pathlib import Path

import numpy as np
import pandas as pd
import pysam
from scipy.stats import binomtest

from dv_bench.baselines import fit_baseline
from dv_bench.core import git_commit, project_root, read_json, write_json
from dv_bench.dataset import PileupDataset
from dv_bench.genotypes import merge_sites
from dv_bench.pileup import prepare, write_dataset
from dv_bench.scoring import score_calls
from dv_bench.simulate import Options, simulate

shared = project_root().parent/"shared"/"data"
tests = {"hg002": dict(platform="hiseq101", coverage=30., read_length=148, insert_size=570.),
         "na12878": dict(platform="hiseq148", coverage=51., read_length=101, insert_size=320.)}
hg19, grch38 = shared/"reference/hg19.chr20.fasta.gz", shared/"reference/grch38.chr20_chr21_first10Mb.fasta.gz"


def datasets(a, work, recipe):
    "Simulated training images and real test images, made where they are missing."
    train, test = work/f"train_{recipe['id']}", work/f"test_{a.test}{'' if a.realign else '_raw'}"
    if not (train/"dataset.json").exists():
        reads = work/f"reads_{recipe['id']}"
        if not reads.exists(): simulate(reads, a.mb, Options(**recipe["simulate"]), None if a.made else grch38, "" if a.made else "chr20 chr21:5010001-10000000" if a.mb > 9.9 else "", jobs=a.jobs)
        write_dataset(train, prepare(reads/"reads.bam", reads/"reference.fasta", truth=reads/"truth.vcf.gz", confident=reads/"confident.bed", realign=a.realign), a.jobs, progress=True)
    if not (test/"dataset.json").exists():
        real = shared/a.test
        write_dataset(test, prepare(real/"reads.bam", hg19, ["chr20"], truth=real/"truth.vcf.gz", confident=real/"confident.bed", realign=a.realign, source="real"), a.jobs)
    return train, test


def write_calls(path, sites):
    "A VCF of the sites called variant."
    header = '##fileformat=VCFv4.2\n##contig=<ID=chr20,length=63025520>\n##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">\n'
    rows = [f"{s.chrom}\t{s.pos0+1}\t.\t{s.ref}\t{s.alts}\t{s.qual:.1f}\tPASS\t.\tGT\t{s.call}\n" for s in sites.sort_values("pos0").itertuples() if s.call != "0/0"]
    path.write_text(header+"#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tTEST\n"+"".join(rows))
    return path


def score(a, work, name, index, probs):
    "Site genotypes of one model: counts against the truth, and per candidate site whether it is right."
    sites = merge_sites(index.assign(p0=probs[:, 0], p1=probs[:, 1], p2=probs[:, 2]))
    real = shared/a.test
    counts = score_calls(write_calls(work/"calls.vcf", sites), real/"truth.vcf.gz", hg19, real/"confident.bed").to_dict("ALL")
    hom_ref = sites[sites.genotype == "0/0"]
    wrong = sites[~sites.correct.fillna(False).astype(bool)]
    return {"name": name, **counts, "hom_ref": [int((hom_ref.call == "0/0").sum()), len(hom_ref)], "right": sites.set_index("site_id").correct.fillna(False).astype(bool).to_dict(),
            "wrong": [f"{s.chrom}:{s.pos0+1} {s.ref}>{s.alts} true {s.genotype} called {s.call} ({s.alt_counts} of {s.depth} reads, run of {s.homopolymer_length})" for s in wrong.itertuples()]}


def thresholds(index, low=.2, high=.8):
    "Genotype by allele fraction alone."
    f = index.allele_fraction.fillna(0).to_numpy()
    return np.eye(3)[np.where(f < low, 0, np.where(f < high, 1, 2))]*.98+.02/3


def accuracy(rows, probs): return float((probs.argmax(1) == rows.label.to_numpy(int)).mean())

def f1(c): return 2*c["tp"]/max(2*c["tp"]+c["fn"]+c["fp"], 1)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("test", choices=tests); p.add_argument("--mb", type=float, default=6.6); p.add_argument("--seeds", type=int, default=5)
    p.add_argument("--epochs", type=int, default=5); p.add_argument("--arch", default="mobilenetv3_small_100"); p.add_argument("--rows", type=int, default=0)
    p.add_argument("--made", action="store_true"); p.add_argument("--realign", action="store_true"); p.add_argument("--jobs", type=int, default=1)
    p.add_argument("--write", action="store_true", help="write the table to benchmarks/results/"); p.add_argument("--sim_seed", type=int, default=1)
    a = p.parse_args()
    if not shared.exists(): sys.exit(f"sim_to_real: the real reads are expected in {shared}")
    work = project_root()/"data"/"sim_to_real"
    work.mkdir(parents=True, exist_ok=True)
    recipe = {"simulate": {**tests[a.test], "seed": a.sim_seed}, "mb": a.mb, "made": a.made, "realign": a.realign}
    recipe["code"] = git_commit()                 # made again when the code that makes them has changed
    recipe["id"] = hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()[:8]
    train, test = datasets(a, work, recipe)
    data, real = PileupDataset(train), PileupDataset(test)
    index = real.index[real.index.label.notna()].reset_index(drop=True)
    first = ~data.index.site_id.duplicated()
    share = float((data.index[first].genotype == "0/0").mean())
    print(f"{data.info['n']} simulated images ({data.info['class_counts']}, {share:.0%} of the sites hom-ref); {len(index)} labelled images of {a.test}", flush=True)
    from dv_bench.training import Config, train_arch
    config = Config(arch=a.arch, data=str(train), test_data=str(test), experiment=f"sim_to_real_{a.test}_{recipe['id']}", folds=10, fold=0, epochs=a.epochs,
                    seeds=a.seeds, scheduler="cosine", optimizer="adamw", weight_decay=.01, rows=a.rows, tracker="none")
    results, seconds = [score(a, work, "allele fraction, thresholds 0.2 / 0.8", index, thresholds(index))], []
    for folder in train_arch(config):
        predictions = pd.read_parquet(folder/"predictions.parquet"); run = read_json(folder/"run.json"); seconds.append(run["cost"]["train_seconds"])
        probs = lambda rows: rows[["p0", "p1", "p2"]].to_numpy(float)
        tested, tune = (predictions[predictions.role == role].reset_index(drop=True) for role in ("test", "tune"))
        results.append(score(a, work, f"{a.arch}, seed {run['seed']}", tested, probs(tested)) | {"simulated": accuracy(tune, probs(tune))})
    results[0]["simulated"] = accuracy(tune, thresholds(tune))
    learnt = data.index[data.index.label.notna() & ~data.index.example.isin(tune.example)]   # the rows that the networks learnt from
    for name in ("gradient_boosting", "allele_fraction"):
        model = fit_baseline(name, learnt, 0)
        results.insert(1, score(a, work, f"{name}, learnt on the simulation", index, model.predict(index)) | {"simulated": accuracy(tune, model.predict(tune))})
    print(report := table(a, recipe, data, share, results, seconds))
    with open(project_root()/"benchmarks"/"results"/"sim_to_real_looks.tsv", "a") as f:
        f.write("\t".join([time.strftime("%Y-%m-%d %H:%M", time.gmtime()), a.test, recipe["id"], git_commit(), a.arch, f"{a.seeds} seeds", f"{data.info['n']} images", f"{a.epochs} epochs",
                           f"{'made genome' if a.made else 'real sequence'}"])+"\n")
    if a.write: (project_root()/"benchmarks"/"results"/f"sim_to_real_{a.test}{'_made' if a.made else ''}.md").write_text(report)
    write_json(work/f"results_{a.test}_{recipe['id']}.json", results)


def interval(wrong, n):
    "errors / n and the exact 95% interval (Clopper and Pearson) of the share, in percent."
    if not n: return "0/0"
    ci = binomtest(wrong, n).proportion_ci(method="exact")
    return f"{wrong}/{n} ({100*ci.low:.1f}-{100*ci.high:.1f}%)"


def table(a, recipe, data, share, results, seconds):
    nets = [r for r in results if r["name"].startswith(a.arch)]
    out = [f"# Simulation to reality: trained on simulated reads alone, tested on {a.test}", "",
           f"`python benchmarks/sim_to_real.py {' '.join(sys.argv[1:])}`, commit {git_commit()}.", "",
           f"Recipe {recipe['id']}: {a.mb:g} Mb of {'a made genome' if a.made else 'GRCh38 chr20/chr21'}, profile {recipe['simulate']['platform']} (the other sample's), depth "
           f"{recipe['simulate']['coverage']:g}, reads of {recipe['simulate']['read_length']} bases{', realigned' if a.realign else ', as they were aligned'}: {data.info['n']} images "
           f"{data.info['class_counts']}, {share:.0%} of the sites hom-ref. {a.arch}, {a.epochs} epochs, AdamW with a cosine; "
           f"{len(nets)} seed(s), {', '.join(f'{s:.0f}' for s in seconds)} s of training each.", "",
           "Missed: truth variants in the confident regions that were not called with their genotype, whether they became candidates or not. False: calls there without a true "
           "variant of that genotype. In brackets exact 95% intervals of the share. Simulated: share of right images on simulated reads that no model learnt from.", "",
           "| | SNP missed | SNP false | SNP F1 | INDEL missed | INDEL false | INDEL F1 | all F1 | hom-ref candidates wrong | simulated |", "|---|---|---|---|---|---|---|---|---|---|"]
    for r in results:
        s, i = r["SNP"], r["INDEL"]; every = {k: s[k]+i[k] for k in ("tp", "fn", "fp")}
        cells = [f"{interval(c['fn'], c['tp']+c['fn'])} | {c['fp']} | {f1(c):.3f}" for c in (s, i)]
        out.append(f"| {r['name']} | {' | '.join(cells)} | {f1(every):.3f} | {interval(r['hom_ref'][1]-r['hom_ref'][0], r['hom_ref'][1])} | {r['simulated']:.3f} |")
    if nets:
        med = lambda f: float(np.median([f(r) for r in nets]))
        both = lambda r: f1({k: r["SNP"][k]+r["INDEL"][k] for k in ("tp", "fn", "fp")})
        out += [f"| **median over {len(nets)} seed(s)** | | | {med(lambda r: f1(r['SNP'])):.3f} | | | {med(lambda r: f1(r['INDEL'])):.3f} | {med(both):.3f} | | {med(lambda r: r['simulated']):.3f} |", ""]
        middle = sorted(nets, key=both)[len(nets)//2]
        for other in (r for r in results if r not in nets):
            better = sum(middle["right"][k] and not other["right"].get(k, False) for k in middle["right"]); worse = sum(other["right"].get(k, False) and not v for k, v in middle["right"].items())
            ci = binomtest(better, better+worse).proportion_ci(method="exact") if better+worse else None
            verdict = "better" if ci and ci.low > .5 else "worse" if ci and ci.high < .5 else "a difference is not shown"
            out.append(f"- {middle['name']} against {other['name']}, candidate sites in pairs: right where the other is wrong {better}, the reverse {worse}"
                       + (f", share {better/(better+worse):.2f} ({ci.low:.2f}-{ci.high:.2f})" if ci else "") + f": {verdict}.")
        out += ["", f"Sites that {middle['name']} calls wrong:", "", *(f"- {w}" for w in middle["wrong"])]
    return "\n".join(out)+"\n"


if __name__ == "__main__": main()
