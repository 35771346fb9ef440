"""Make the network that comes with the package again: simulate reads, draw images, train, describe it.

Four simulated samples at mixed depth (5x to 60x) are used: two with made variants in real sequence, one with
the variants of a VCF in real sequence, and one with several read lengths in a synthetic genome. What exists
in --work is kept, so the command continues where it stopped. With --install the run becomes
dv_bench/data/pileup_set.

Usage: python shipped_network.py --ref FASTA --variants VCF --work FOLDER [--jobs N] [--install]

--ref needs the contigs chr20 and chr21 of GRCh38, of which the first 10 Mb are used; --variants are those of
a sample on the same reference, such as GIAB's of HG002.
"""
import argparse
import shutil
import subprocess
import sys
from pathlib import Path

import pysam

from dv_bench.core import package_data, read_json, write_json
from dv_bench.manifest import manifest_name, write_manifest
from dv_bench.training.card import write_card
from dv_bench.training.runs import open_run

depth = ["--coverage", "5", "--coverage_to", "60"]
samples = {
    "s148": ["--mb", "6", "--region", "chr20:60001-6060000", "--platform", "hiseq148", "--read_length", "148",
             "--seed", "101", "--variant_rate", "0.002", "--sample", "SHIPPED"],
    "s101": ["--mb", "3", "--region", "chr21:5010001-8010000", "--platform", "hiseq101",
             "--read_length", "101", "--seed", "102", "--variant_rate", "0.002", "--sample", "SHIPPED"],
    "sgiab": ["--mb", "3.93", "--region", "chr20_second:6060001-9990000", "--platform", "hiseq101",
              "--read_length", "101,151", "--seed", "103", "--fill", "--sample", "SHIPPED2"],
    "slen": ["--mb", "4", "--platform", "hiseq148", "--read_length", "100,150,250", "--seed", "104",
             "--variant_rate", "0.002", "--sample", "SHIPPED3"],
}
training = {
    "folds": 12,
    "fold": 0,
    "tune_fraction": 0.08,
    "epochs": 5,
    "batch_size": 64,
    "optimizer": "adamw",
    "lr": 2e-3,
    "weight_decay": 0.02,
    "scheduler": "cosine",
    "warmup": 0.3,
    "ema": 0.99,
    "drop_rate": 0.2,
    "drop_reads": 0.3,
    "columns": 101,
    "exchange_images": 0,
    "precision": "fp32",
    "tracker": "none",
}
installed_files = ("run.json", "model.safetensors", "predictions.parquet", "history.csv")


def run(*command):
    "Run a command of the package."
    subprocess.run([Path(sys.executable).parent/command[0], *map(str, command[1:])], check=True)


def rename_contig(ref: Path, vcf: Path, work: Path) -> tuple[Path, Path]:
    "Reference and variants of chr20 under another name: images of two references cannot share a contig."
    fasta, variants = work/"second.fa", work/"second.vcf"
    with pysam.FastaFile(str(ref)) as source: bases = source.fetch("chr20")
    lines = (bases[i:i+100] for i in range(0, len(bases), 100))
    fasta.write_text(">chr20_second\n"+"\n".join(lines)+"\n")
    with pysam.VariantFile(str(vcf)) as records, open(variants, "w") as out:
        for line in str(records.header).splitlines():
            if not line.startswith("##contig"): out.write(line+"\n")
        for record in records.fetch("chr20"): out.write("chr20_second"+str(record).removeprefix("chr20"))
    return fasta, variants


def make_images(name: str, ref: Path, variants: Path, work: Path, jobs: int):
    "Simulate one sample and draw its images, unless they are there."
    data, sample = work/f"{name}.data", work/name
    if data.exists(): return
    shutil.rmtree(sample, ignore_errors=True)
    given = []
    if "--region" in samples[name]: given = ["--ref", ref]
    if name == "sgiab":
        second, renamed = rename_contig(ref, variants, work)
        given = ["--ref", second, "--variants", renamed]
    run("dvb_simulate", sample, *samples[name], *depth, *given, "--jobs", jobs)
    run("dvb_examples", data, "--reads", sample/"reads.bam", "--ref", sample/"reference.fasta", "--truth",
        sample/"truth.vcf.gz", "--confident", sample/"confident.bed", "--source", name, "--jobs", jobs)


def without_folders(record: dict) -> dict:
    "A run.json that names datasets without the folders of the machine they were on."
    data = ",".join(f"{name}.data" for name in samples)
    settings = record["settings"] | {"data": data, "outputs": ""}
    return record | {"settings": settings, "dataset": record["dataset"] | {"path": data}}


def install(folder: Path):
    "Copy a run into the package, with its model card and a manifest."
    target = package_data("pileup_set")
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    for name in installed_files: shutil.copy(folder/name, target/name)
    write_json(target/"run.json", without_folders(read_json(folder/"run.json")))
    write_manifest(target, list(installed_files))
    write_card(target/"model_card.md", open_run(target))
    size = sum(file.stat().st_size for file in target.iterdir())
    print(f"{target}: {size/1e6:.2f} MB, {manifest_name} written")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ref", type=Path, required=True)
    parser.add_argument("--variants", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--install", action="store_true")
    args = parser.parse_args()
    work = args.work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    for name in samples: make_images(name, args.ref.resolve(), args.variants.resolve(), work, args.jobs)
    settings = [part for name, value in training.items() for part in ("-p", name, value)]
    data = ",".join(str(work/f"{name}.data") for name in samples)
    run("dvb_train", "pileup_set", "--data", data, "--experiment", "shipped",
        "-p", "outputs", work/"out", *settings)
    if args.install: install(work/"out"/"shipped"/"pileup_set"/"fold0_seed0")


if __name__ == "__main__": main()
