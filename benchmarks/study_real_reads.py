"""Real reads called by the networks of the study, scored once.

    python benchmarks/study_real_reads.py call outputs/study --images DATASET --name hg002_30x \\
        --out docs/results/study/real
    python benchmarks/study_real_reads.py score docs/results/study/real --truth truth.vcf.gz \\
        --ref REF.fasta --confident confident.bed --table docs/results/study/real_reads.md

`call` needs the weights of the networks, so it runs where they were trained. Each run on 10,000 training
images that has its weights, and each baseline, calls the images of a dataset into a VCF. Calls that are there
stay, if made_from.json beside them says that they are of the same run, images and program. `score` compares
the VCFs with the truth. It first records the evaluation in benchmarks/results/sim_to_real_looks.tsv; --again
makes the tables of the same calls once more, and records nothing.
"""
import argparse
import sys
import time
from pathlib import Path

import pandas as pd

from dv_bench.calling.caller import call
from dv_bench.calling.sources import from_dataset
from dv_bench.core import DvBenchError, git_commit, project_root, read_json, write_json
from dv_bench.dataset.folder import PileupDataset
from dv_bench.model.names import baseline_names
from dv_bench.training.runs import open_runs
from kept_files import code_version, made_from
from outside_callers import score_vcf

size = 10000


def runs_to_call(experiment: Path) -> list[Path]:
    "The run folders that can call: baselines, and networks with their weights. Prints the others."
    folders = sorted(path.parent for path in experiment.glob(f"*-n{size}/fold*_seed*/run.json"))
    if not folders:
        raise DvBenchError(f"{experiment}: expected runs such as pileup_set-n{size}/fold0_seed0, found none; "
                           "unpack them with dvb_pack")
    has_weights = {folder: (folder/"model.safetensors").exists() for folder in folders}
    able = [f for f in folders if f.parent.name.startswith(baseline_names) or has_weights[f]]
    for folder in folders:
        if folder not in able: print(f"{folder.parent.name}/{folder.name} has no weights and calls nothing")
    return able


def vcf_name(run: Path, images: str) -> str:
    "Name of the calls of a run, such as pileup_set-n10000.fold0_seed2.hg002_9x.vcf.gz."
    return f"{run.parent.name}.{run.name}.{images}.vcf.gz"


def calls_identity(run: Path, images: PileupDataset) -> str:
    "What determines the calls of a run: its files, the images, and the code that calls."
    names = ("run.json", "model.safetensors", "predictions.parquet")
    files = [run/name for name in names if (run/name).exists()]
    code = code_version("calling", "dataset", "model", "training")
    return made_from(files, [file.name for file in files], images.info["fingerprint"], code)


def is_called(vcf: Path, identity: str) -> bool:
    """Are these calls there? If not, notes what they will be made from. Raises DvBenchError where they are of
    another run, images or program."""
    record = vcf.parent/"made_from.json"
    known = read_json(record) if record.exists() else {}
    if not vcf.exists():
        write_json(record, known | {vcf.name: identity})
        return False
    if known.get(vcf.name) == identity: return True
    found = f"those of {known[vcf.name]}" if vcf.name in known else "no record of what they are from"
    raise DvBenchError(f"{vcf}: expected calls of this run, these images and this program ({identity}), "
                       f"found {found} in {record.name}; remove the VCF, or give another --out")


def call_all(a: argparse.Namespace):
    "Write the calls of each run. Those that are there and of the same run and images stay."
    if "." in a.name: raise DvBenchError(f"--name: expected a name without a dot, found {a.name}")
    a.out.mkdir(parents=True, exist_ok=True)
    images = PileupDataset(a.images)
    for run in runs_to_call(a.experiment):
        vcf = a.out/vcf_name(run, a.name)
        if not is_called(vcf, calls_identity(run, images)): call(from_dataset(open_runs(run), images), vcf)


def scores(a: argparse.Namespace) -> pd.DataFrame:
    "A row for each VCF: architecture, seed, images, and missed and false calls of SNPs and indels."
    rows = []
    for vcf in sorted(a.folder.glob("*.vcf.gz")):
        folder, run, images = vcf.name.removesuffix(".vcf.gz").rsplit(".", 2)
        counts = score_vcf(vcf, a.truth, a.ref, a.confident).counts
        arch, seed = folder.removesuffix(f"-n{size}"), int(run.rpartition("seed")[2])
        row = {"reads": images, "arch": arch, "seed": seed}
        for kind in ("SNP", "INDEL"):
            row |= {f"{kind}_{what}": counts[kind][what] for what in ("tp", "fn", "fp")}
        rows.append(row)
    if not rows: raise DvBenchError(f"{a.folder}: expected VCFs of `call`, found none")
    return pd.DataFrame(rows)


def f1(table: pd.DataFrame) -> pd.Series:
    "F1 of SNPs and indels together, for each row."
    tp, fn, fp = (table[f"SNP_{what}"]+table[f"INDEL_{what}"] for what in ("tp", "fn", "fp"))
    return 2*tp/(2*tp+fn+fp)


def median_and_range(values: pd.Series, digits: int = 0) -> str:
    "The median, and the lowest and the highest value where they differ."
    low, high = (f"{value:.{digits}f}" for value in (values.min(), values.max()))
    middle = f"{values.median():.{digits}f}" if digits else f"{values.median():g}"
    return middle if low == high else f"{middle} ({low}-{high})"


def table_lines(table: pd.DataFrame) -> list[str]:
    "A Markdown table for each set of reads, by median F1."
    heads = ["architecture", "seeds", "F1 of both", "SNP missed", "SNP false", "INDEL missed", "INDEL false"]
    lines = []
    for reads, of_reads in table.groupby("reads", sort=False):
        true = of_reads[["SNP_tp", "SNP_fn", "INDEL_tp", "INDEL_fn"]].iloc[0]
        snps, indels = true.SNP_tp+true.SNP_fn, true.INDEL_tp+true.INDEL_fn
        lines += [f"## {reads}", "", f"{snps} SNPs and {indels} indels in the truth.", ""]
        lines += ["| "+" | ".join(heads)+" |", "|---"+"|---:"*(len(heads)-1)+"|"]
        by_arch = {arch: rows.assign(f1=f1(rows)) for arch, rows in of_reads.groupby("arch")}
        for arch, rows in sorted(by_arch.items(), key=lambda item: -item[1].f1.median()):
            columns = ("SNP_fn", "SNP_fp", "INDEL_fn", "INDEL_fp")
            counts = [median_and_range(rows[column]) for column in columns]
            cells = [arch, ", ".join(map(str, sorted(rows.seed))), median_and_range(rows.f1, 3), *counts]
            lines.append("| "+" | ".join(cells)+" |")
        lines.append("")
    return lines


def log_looks(folder: Path):
    "Note that the calls of real reads are about to be scored: a line for each set of reads."
    names = [vcf.name.removesuffix(".vcf.gz").rsplit(".", 2) for vcf in sorted(folder.glob("*.vcf.gz"))]
    calls = pd.DataFrame(names, columns=["arch", "run", "reads"])
    with open(project_root()/"benchmarks"/"results"/"sim_to_real_looks.tsv", "a") as f:
        for reads, rows in calls.groupby("reads", sort=False):
            when = time.strftime("%Y-%m-%d %H:%M", time.gmtime())
            look = [
                when, reads, "configs/study.yaml", git_commit(), f"{rows.arch.nunique()} architectures",
                f"{len(rows)} runs", f"{size} images", "settings of the file", "real sequence"]
            f.write("\t".join(look)+"\n")


def score_all(a: argparse.Namespace):
    "Score all calls, and write the tables."
    if not a.again: log_looks(a.folder)
    table = scores(a)
    made = (f"Made by `benchmarks/study_real_reads.py score`, commit {git_commit()}, "
            "from the calls in [real/](real/).")
    lines = ["# The study on real reads", "", *a.text.splitlines(), "", made, "", *table_lines(table)]
    text = "\n".join(lines)
    print(text)
    if a.table:
        a.table.write_text(text)
        table.to_csv(a.table.with_suffix(".csv"), index=False)


def read_arguments() -> argparse.Namespace:
    formatter = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=formatter)
    steps = parser.add_subparsers(required=True)
    calling = steps.add_parser("call", help="write the calls of each run")
    calling.add_argument("experiment", type=Path)
    calling.add_argument("--images", type=Path, required=True, help="dataset folder of dvb_examples")
    calling.add_argument("--name", required=True, help="of the reads, in file names, such as hg002_30x")
    calling.add_argument("--out", type=Path, required=True, help="folder of the VCFs")
    calling.set_defaults(step=call_all)
    scoring = steps.add_parser("score", help="compare the calls with the truth")
    scoring.add_argument("folder", type=Path, help="folder of the VCFs")
    for name in ("truth", "ref", "confident"): scoring.add_argument(f"--{name}", type=Path, required=True)
    scoring.add_argument("--table", type=Path, help="Markdown file to write, with a CSV file beside it")
    scoring.add_argument("--text", default="", help="what the page says above its tables")
    scoring.add_argument("--again", action="store_true", help="these were scored before; record nothing")
    scoring.set_defaults(step=score_all)
    return parser.parse_args()


if __name__ == "__main__":
    arguments = read_arguments()
    try: arguments.step(arguments)
    except DvBenchError as e: sys.exit(f"study_real_reads: {e}")
