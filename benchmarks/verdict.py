"""How often each test flags a difference where there is none, and the primary test finds a planted one.

    python benchmarks/verdict.py                   # 1,000 experiments per row
    python benchmarks/verdict.py --experiments 50  # a look, writes nothing
    python benchmarks/verdict.py --only effect     # how much real training runs differ

The first writes results/verdict.md and the package's table. The last trains a network on the demo dataset.

Null (a): two fixed models with the same difficulty of every site up to their own noise, errors clustered in
the genome, and an effect of each training run in log-odds of an error. Null (b): one learner (ridge
regression on random ReLU features; its seed draws the features) is trained k folds x seeds times on made-up
tables, twice with other seeds, so that training sets overlap as they do in cross-validation.
"""
import argparse
import json
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from scipy import stats

from dv_bench.core import git_commit
from dv_bench.verdict.appendix import corrected_t, correlated_t, mcnemar_test, rope
from dv_bench.verdict.compare import compare_two, test_name
from dv_bench.verdict.counting import count_errors, seeds_averaged
from dv_bench.verdict.experiment import read_experiment
from dv_bench.verdict.resampling import resample
from dv_bench.verdict.sites import SiteCalls, Sites, read_sites

ROOT = Path(__file__).resolve().parent.parent
RUN_EFFECTS = (.1, .2, .4, .6)  # log-odds; see `effect`


def as_sites(block, fold_of, wrong):
    "Sites out of wrong[arch][seed] -> bool per site; sites are sorted by fold."
    order = np.argsort(fold_of, kind="stable")
    folds, start = {}, 0
    for f in np.unique(fold_of):
        n = int((fold_of == f).sum())
        folds[int(f)] = slice(start, start+n)
        start += n
    nothing_else = dict.fromkeys(SiteCalls._fields)
    calls = {(arch, f, s): SiteCalls(**nothing_else | {"wrong": w[order][here]})
             for arch, runs in wrong.items() for s, w in enumerate(runs) for f, here in folds.items()}
    table = pd.DataFrame({"block": block[order], "place": np.arange(len(order)), "variant_type": "SNP"})
    return Sites(table, calls, folds, {}, [])


def clustered(rng, sites, blocks, folds, seeds, run_sd, delta=0., own_sd=.5):
    "Null (a), or with `delta` a planted difference in log-odds."
    block = np.arange(sites)*blocks//sites
    fold_of = (rng.permutation(blocks) % folds)[block]
    hard = -6+rng.normal(0, .7, blocks)[block]+rng.normal(0, 2, sites)
    wrong = {}
    for arch, shift in (("baseline", 0.), ("challenger", delta)):
        own = hard+rng.normal(0, own_sd, sites)+shift
        wrong[arch] = [rng.random(sites) < 1/(1+np.exp(-(own+rng.normal(0, run_sd, folds)[fold_of])))
                       for _ in range(seeds)]
    return as_sites(block, fold_of, wrong)


def retrained(rng, sites=2000, blocks=80, folds=5, seeds=5, features=48, inputs=10):
    "Null (b): the same learner under other seeds, really trained on the same folds."
    block = np.arange(sites)*blocks//sites
    y, fold_of = rng.choice(3, sites, p=[.1, .55, .35]), (rng.permutation(blocks) % folds)[block]
    centres = rng.normal(0, 1, (3, inputs))
    x = centres[y]+rng.normal(0, .9, (sites, inputs))+rng.normal(0, .5, (blocks, inputs))[block]
    target, wrong = np.eye(3)[y], {}
    for arch in ("baseline", "challenger"):
        wrong[arch] = []
        for _ in range(seeds):
            bad = np.zeros(sites, bool)
            for f in range(folds):  # every fold is a training run of its own
                hidden = np.maximum(x@rng.normal(0, .4, (inputs, features))+rng.normal(0, 1, features), 0)
                train = fold_of != f
                h = hidden[train]
                weights = np.linalg.solve(h.T@h+np.eye(features), h.T@target[train])
                bad[~train] = (hidden[~train]@weights).argmax(1) != y[~train]
            wrong[arch].append(bad)
    return as_sites(block, fold_of, wrong)


def flags(sites):
    "Which tests flag a difference at 5%."
    folds = list(sites.folds)
    row = compare_two(sites, "challenger", "baseline", np.ones(len(sites.table), bool), draws=1000)
    a, b = (seeds_averaged(count_errors(sites, arch, folds)) for arch in ("challenger", "baseline"))
    flagged = {"primary test": row["method"] == test_name and row["p"] <= .05,
               "blocks alone": resample([(1, a), (-1, b)], 1000)["p"] <= .05,
               "McNemar over sites": mcnemar_test(sites, "challenger", "baseline") <= .05}
    return flagged | fold_flags(sites) if len(folds) > 1 else flagged


def fold_flags(sites):
    "Which tests over folds flag a difference at 5%."
    def rates(arch):
        wrong = [[c.wrong.mean() for c in sites.calls_of(arch, fold)] for fold in sites.folds]
        return np.array([np.mean(shares) for shares in wrong])
    d = rates("challenger")-rates("baseline")
    bayes = correlated_t(d, rope["site_error_rate"])
    return {"Wilcoxon over folds": d.any() and stats.wilcoxon(d, method="exact").pvalue <= .05,
            "corrected t": corrected_t(d)["p"] <= .05,
            "Bayesian correlated t": max(bayes["below"], bayes["above"]) > .95}


def measured_run_effect(sites, arch):
    """Spread of training runs in log-odds of an error, from real runs of one architecture under several
    seeds; sampling noise is subtracted."""
    parts = []
    for fold in sites.folds:
        runs = np.array([c.wrong for c in sites.calls_of(arch, fold)], float)
        if len(runs) < 2: continue
        rate = runs.mean(1)
        # variance of a run's rate if its errors were independent given the site
        noise = runs.var(0, ddof=1).sum()/runs.shape[1]**2
        p = rate.mean()
        parts.append(max(0., rate.var(ddof=1)-noise)/(p*(1-p))**2)
    return float(np.mean(parts)**.5), len(parts), len(runs)


def effect(arch, folds=2, seeds=5, epochs=12):
    "Train one network under several seeds on the demo dataset; how much its runs differ."
    from dv_bench.simulation.sample import demo_dataset
    from dv_bench.training.settings import Config
    from dv_bench.training.sweep import train_arch
    data = demo_dataset()
    with tempfile.TemporaryDirectory() as d:
        train_arch(Config(
            arch=arch, data=str(data), outputs=d, experiment="effect", folds=folds, seeds=seeds,
            epochs=epochs, batch_size=16, lr=2e-3, scheduler="cosine", ema=.95, bn_batches=8, rows=75,
            columns=101, baseline=arch, tracker="none"))
        sites = read_sites(read_experiment(Path(d)/"effect"))
    sd, _, _ = measured_run_effect(sites, arch)
    rate = [c.wrong.mean() for c in sites.calls.values()]
    return ("# How much do training runs differ?\n\n"
            f"{folds} folds x {seeds} seeds of timm's `{arch}`, {epochs} epochs on the demo dataset "
            f"({len(sites.table):,} simulated sites, every one tested once by each seed): genotype errors "
            f"{min(rate):.1%} to {max(rate):.1%}. Between seeds of one fold the log-odds of an error differ "
            f"with a standard deviation of **{sd:.2f}**, after subtracting the noise of counting.\n\n"
            f"Made by `python benchmarks/verdict.py --only effect --arch {arch}`, commit {git_commit()}.\n")


def study(name, make, experiments, quiet, seed=0):
    "How often each test flags a difference in `experiments` experiments."
    start = time.time()
    rows = [flags(make(np.random.default_rng([seed, i]))) for i in range(experiments)]
    if not quiet: print(f"{name}: {time.time()-start:.0f} s", flush=True)
    table = pd.DataFrame(rows).astype(float)
    return [{"null": name, "test": test, "experiments": experiments, "flagged": int(table[test].sum())}
            for test in table]


def null_a(experiments, quiet):
    "Null (a) with several run effects and numbers of folds and seeds."
    counts = []
    for sd in RUN_EFFECTS:
        for folds, seeds in ((5, 5), (1, 5), (10, 1)):
            label = f"{folds} fold{'s'*(folds > 1)} x {seeds} seed{'s'*(seeds > 1)}"
            counts += study(f"null a, run effect {sd}, {label}",
                            lambda rng: clustered(rng, 10_000, 100, folds, seeds, sd), experiments, quiet)
    return counts


def outcome(row):
    "What the primary test says of a planted improvement."
    if row["method"] != test_name: return "not tested"
    if row["p"] > .05: return "not found"
    return "found" if row["difference"] < 0 else "wrong way"


def find_planted(experiments):
    "How often the primary test finds a planted difference, by the number of sites."
    power = []
    for n in (2000, 5000, 10_000, 30_000):
        outcomes = []
        for i in range(experiments):
            sites = clustered(np.random.default_rng([2, i]), n, n//100, 5, 5, .1, -.3)
            compared = compare_two(sites, "challenger", "baseline", np.ones(n, bool), draws=1000)
            outcomes.append(outcome(compared))
        power.append({"sites": n, "experiments": experiments,
                      **{name: outcomes.count(name) for name in ("found", "wrong way", "not tested")}})
    return power


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--experiments", type=int, default=1000,
                        help="per row; results are written from 1,000 on")
    parser.add_argument("--only", default="", help="a, b, power or effect")
    parser.add_argument("--arch", default="mobilenetv3_small_100",
                        help="timm's name of the network whose runs are compared (effect)")
    parser.add_argument("--json", action="store_true", help="print the counts as JSON")
    args = parser.parse_args()
    counts, power, n = [], [], args.experiments
    if args.only in ("", "a"): counts += null_a(n, args.json)
    if args.only in ("", "b"):
        counts += study("null b, 5 folds x 5 seeds retrained", retrained, n, args.json, seed=1)
    if args.only in ("", "power"): power = find_planted(max(20, n//5))
    if args.only == "effect" or (n >= 1000 and not args.only):
        text = effect(args.arch)
        (ROOT/"benchmarks"/"results"/"verdict_effect.md").write_text(text)
        print(text)
        if args.only: return
    if args.json:
        print(json.dumps({"counts": counts, "power": power}))
        return
    text = report(pd.DataFrame(counts), pd.DataFrame(power))
    print(text)
    if n >= 1000 and not args.only:
        (ROOT/"benchmarks"/"results"/"verdict.md").write_text(text)
        keep = pd.DataFrame(counts)
        keep = keep[~keep.null.str.contains("1 seed") | (keep.test != "primary test")]
        keep.to_csv(ROOT/"dv_bench"/"data"/"verdict_levels.csv", index=False)


INTRODUCTION = """# Does the verdict hold its level?

Share of experiments in which a test at 5% flags a difference although there is none. 10,000 sites in 100 \
genome blocks (null a), 2,000 sites in 80 blocks (null b); – where the test is not made. The sampling error \
of a true 5% over 1,000 experiments is ±0.7% (one standard error). Run effects are in log-odds of an error; \
[verdict_effect](verdict_effect.md) says how large they are between real runs. Wilcoxon over 5 folds can \
never reach 5%: its smallest p is 1/16.

Made by `python benchmarks/verdict.py`.
"""


def level_lines(counts):
    "The table of shares that were flagged."
    counts = counts.assign(share=100*counts.flagged/counts.experiments)
    wide = counts.pivot(index="null", columns="test", values="share")
    wide = wide.reindex(index=counts.null.unique(), columns=counts.test.unique())
    lines = ["| | "+" | ".join(wide.columns)+" |", "|---|"+"---:|"*len(wide.columns)]
    for null, row in wide.iterrows():
        not_made = {"primary test"} if "1 seed" in null else set()
        cells = ["–" if pd.isna(v) or test in not_made else f"{v:.1f}%" for test, v in row.items()]
        lines.append(f"| {null} | "+" | ".join(cells)+" |")
    return [*lines, "", f"{counts.experiments.max():,} experiments in each row. With one seed the primary "
            "test is not made: noise between training runs cannot be seen then."]


def power_lines(power):
    "The table of planted differences."
    lines = ["", "## Planted differences", "",
             "Log-odds of an error lower by 0.3, run effect 0.1, 5 folds x 5 seeds: "
             "how often the primary test finds it.", "",
             "| sites | found | wrong way | not tested (too few errors) |", "|---:|---:|---:|---:|"]
    for row in power.to_dict("records"):
        n = row["experiments"]
        shares = (f"{row['found']/n:.0%}", f"{row['wrong way']/n:.1%}", f"{row['not tested']/n:.0%}")
        lines.append(f"| {row['sites']:,} | {' | '.join(shares)} |")
    return lines


def report(counts, power):
    "results/verdict.md."
    lines = [INTRODUCTION]
    if len(counts): lines += level_lines(counts)
    if len(power): lines += power_lines(power)
    return "\n".join(lines)+"\n"


if __name__ == "__main__":
    main()
