"""The report of sim_to_real.py: tables with exact intervals, comparisons in pairs, and lists of errors."""
import argparse
import os
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.stats import binomtest

from dv_bench.core import git_commit, read_json
from outside_callers import discordances, paired_text


class Result(NamedTuple):
    "How well one classifier or caller calls the test sample."
    name: str
    counts: dict           # SNP, INDEL -> tp, fn, fp and more, as dvb_score counts
    errors: list           # texts: the records that dvb_score counts as missed or false
    found: dict            # truth variant -> was it called with its genotype?
    hom_ref: tuple = ()    # hom-ref candidates with a wrong genotype, all hom-ref candidates; () of callers
    right: dict = {}       # site id -> is the genotype right? {} of callers, which have other sites
    simulated: float|None = None # share of right images of the simulation that no model learnt from
    wrong: list = []       # texts: candidate sites with a wrong genotype


class Tested(NamedTuple):
    "Everything that was scored on the reads of one depth."
    depth: float           # that was asked for; 0 as sequenced
    measured: float        # mean depth in the confident regions
    n_images: int
    others: list           # results of thresholds and baselines
    nets: list             # of networks, one a seed
    mean: list             # of the mean of the seeds, or nothing for a single seed
    callers: list          # of other programs


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
        missed, false = interval(c["fn"], c["tp"]+c["fn"]), interval(c["fp"], c["tp"]+c["fp"])
        cells += [missed, false, f"{f1(c):.3f}"]
    hom_ref = interval(*result.hom_ref) if result.hom_ref else ""
    simulated = "" if result.simulated is None else f"{result.simulated:.3f}"
    cells += [f"{f1_of_all(result):.3f}", hom_ref, simulated]
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
    "Two classifiers compared on the same candidate sites; on the true variants where one has other sites."
    names = f"- {one.name} against {other.name}"
    if other.right:
        return f"{names}, candidate sites in pairs: {paired_text(*discordances(one.right, other.right))}"
    false = [sum(result.counts[kind]["fp"] for kind in ("SNP", "INDEL")) for result in (one, other)]
    words = ("it finds more true variants", "it finds fewer true variants")
    pairs = paired_text(*discordances(one.found, other.found), words)
    return f"{names}, true variants in pairs: {pairs} False calls: {false[0]} against {false[1]}."


def variant_names(a: argparse.Namespace) -> dict[str, str]:
    "The options that change the test: name in file names -> name in texts."
    names = {}
    if a.arch != "mobilenetv3_small_100": names[Path(a.arch).stem.replace(":", "_")] = a.arch
    if a.made: names["made"] = "made genome"
    if a.no_realign: names["as_aligned"] = "reads as they were aligned"
    if a.adapt: names["adapted"] = "adapted"
    if a.depths != [0]:
        names["depths_"+"_".join(f"{depth:g}" for depth in a.depths)] = ", ".join(map(depth_text, a.depths))
    return names


def depth_text(depth: float) -> str:
    "A depth in words."
    return f"at {depth:g}x" if depth else "as sequenced"


def recipe_text(a: argparse.Namespace, recipe: dict, simulated: dict) -> str:
    "What the networks were trained on."
    genome = "GRCh38 chr20/chr21 (first 10 Mb each, N left out)"
    size = f"{recipe['samples']} sample(s) of {recipe['mb']:g} Mb of {genome}"
    if a.made: size = f"{recipe['samples']} times {recipe['mb']:g} Mb of a made genome"
    settings = recipe["simulate"]
    depth = f"{settings['coverage']:g}"
    if settings.get("coverage_to"): depth += f" to {settings['coverage_to']:g}"
    aligned = "as they were aligned" if a.no_realign else "realigned"
    return (f"Recipe {recipe['id']}: {size}, profile {settings['platform']} (the other sample's), "
            f"depth {depth}, reads of {settings['read_length']} bases, {aligned}: "
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
            "simulated reads that no model learnt from. Values of p are of single comparisons, not corrected "
            "for their number.")


def error_list(result: Result) -> list[str]:
    "What a classifier misses and calls falsely."
    sites = first_few(result.wrong) or ["none"]
    return ["", f"What {result.name} misses and calls falsely, as `dvb_score` counts: "
            f"{'; '.join(first_few(result.errors)) or 'nothing'}. Candidate sites with a wrong genotype:", "",
            *(f"- {site}" for site in sites)]


def result_lines(t: Tested) -> list[str]:
    "Table, comparisons and errors for one depth."
    head = ["", "SNP missed", "SNP false", "SNP F1", "INDEL missed", "INDEL false", "INDEL F1", "all F1",
            "hom-ref candidates wrong", "simulated"]
    others = [*t.callers, *t.others]
    table = [table_row(head), "|---"*len(head)+"|",
             *(result_row(result) for result in [*others, *t.nets, *t.mean]), median_row(t.nets)]
    middle = sorted(t.nets, key=f1_of_all)[(len(t.nets)-1)//2]
    pairs = [paired(result, other) for result in (middle, *t.mean) for other in others]
    size = f"Mean depth of the confident regions {t.measured:.1f}; {t.n_images} images."
    lines = [f"## Reads {depth_text(t.depth)}", "", size, "", *table, "", *pairs]
    for result in (middle, *t.mean, *t.others[-1:]): lines += error_list(result)
    return [*lines, ""]


def command_text() -> str:
    "The command that was given, without the folders and processes of this machine."
    own = ("--data", "--work", "--jobs")
    given = sys.argv[1:]
    kept = [word for before, word in zip(["", *given], given) if word not in own and before not in own]
    return shlex.join(["python", "benchmarks/sim_to_real.py", *kept])


def report(a: argparse.Namespace, recipe: dict, simulated: dict, tested: list[Tested],
           folders: list[Path]) -> str:
    "The whole report, with a section for each depth."
    method = f"{recipe_text(a, recipe, simulated)} {training_text(a, recipe, folders)}"
    lines = [title(a), "", f"`{command_text()}`, commit {git_commit()}.", "", method, "", explanation(), ""]
    for t in tested: lines += result_lines(t)
    return "\n".join(lines)
