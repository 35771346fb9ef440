"""What local realignment does to candidates and allele fractions, on real and on simulated reads.

Every candidate site gets its label as genotype, and these calls are scored. What they miss, no classifier can
find: no candidate shows it, or the labels cannot express it. The last column counts heterozygous indels with
an alt in less than a fifth of the reads, which look like errors. A second table has the haplotypes where
networks lose HG002's indels after realignment.

Usage: python benchmarks/realigned.py [--data ../shared/data] [--mb 1] [--write]

--mb is the size of the simulated sample. It has GIAB's variants of HG002 on chr20 of GRCh38.
--write keeps the table in benchmarks/results/realigned.md.
"""
import argparse
import sys
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pysam

from dv_bench.calling.scoring import score_calls
from dv_bench.core import git_commit, project_root
from dv_bench.hts import write_vcf
from dv_bench.images.assembly import assemble
from dv_bench.images.examples import ExampleMaker, prepare, write_dataset
from dv_bench.images.realignment import align_haplotype, choose_haplotypes, is_reference, score_reads
from dv_bench.images.reads import op_codes, read_ends
from dv_bench.images.windows import RealignOptions, select_windows
from dv_bench.simulation.sample import Options, simulate

genotype_field = '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">'
low_fraction = .2


def labelled_sites(sample: Path, ref: Path, realign: bool, work: Path) -> pd.DataFrame:
    "The candidate sites of a sample, with their labels as genotypes."
    job = prepare(sample/"reads.bam", ref, ["chr20"], truth=sample/"truth.vcf.gz",
                  confident=sample/"confident.bed", realign=realign)
    folder = work/f"{sample.name}_{realign}"
    write_dataset(folder, job, 1)
    return pd.read_parquet(folder/"examples.parquet").drop_duplicates(["chrom", "pos0", "ref", "alts"])


def write_labels(sites: pd.DataFrame, ref: Path, path: Path) -> None:
    "The labels as a VCF of calls."
    with pysam.FastaFile(str(ref)) as fasta: length = fasta.get_reference_length("chr20")
    lines = (f"chr20\t{s.pos0+1}\t.\t{s.ref}\t{s.alts}\t50\tPASS\t.\tGT\t{s.genotype}"
             for s in sites.sort_values("pos0").itertuples())
    write_vcf(path, [genotype_field], {"chr20": length}, ["labels"], lines)


def weak_het_indels(sites: pd.DataFrame) -> tuple[int, int]:
    "Heterozygous indel sites with one alt: those with the alt in few reads, and all."
    het = sites[(sites.n_alts == 1) & (sites.genotype == "0/1")]
    indels = het[(het.ref.str.len() > 1) | (het.alts.str.len() > 1)]
    return int((indels.allele_fraction < low_fraction).sum()), len(indels)


def row(sample: Path, ref: Path, realign: bool, work: Path) -> str:
    "A row of the table."
    sites = labelled_sites(sample, ref, realign, work)
    calls = work/f"{sample.name}_{realign}.vcf.gz"
    write_labels(sites, ref, calls)
    score = score_calls(calls, sample/"truth.vcf.gz", ref, sample/"confident.bed").to_dict()
    cells = [sample.name, "realigned" if realign else "as aligned", f"{len(sites):,}"]
    for kind in ("SNP", "INDEL"):
        found, missed = score[kind]["tp"], score[kind]["fn"]
        cells += [f"{missed} of {found+missed:,}", f"{score[kind]['fp']}"]
    weak, indels = weak_het_indels(sites)
    cells.append(f"{weak} of {indels}")
    return f"| {' | '.join(cells)} |"


def simulated_sample(data: Path, mb: float, work: Path) -> tuple[Path, Path]:
    "A sample with GIAB's variants, and its reference."
    sample = work/"simulated"
    ref = data/"reference"/"grch38.chr20_chr21_first10Mb.fasta.gz"
    options = Options(coverage=30, read_length=148, platform="hiseq148")
    simulate(sample, mb, options, ref, "chr20:60001-10000000", quiet=True,
             variants=data/"giab_hg002_grch38"/"chr20_first10Mb.vcf.gz")
    return sample, sample/"reference.fasta"


place = 10_037_000, 10_038_000  # of chr20 of GRCh37, the partition with HG002's GATA repeat
beyond = 250                    # bases of reference on both sides of a window


def haplotype_rows(found, start: int, end: int) -> list[str]:
    "The haplotypes of a window: length, score, reads and alignment to the reference."
    reads, part = found.reads, found.partition
    ends = read_ends(reads)
    inside = part.ref[start-part.ref_start0:end-part.ref_start0]
    around = part.ref[start-beyond-part.ref_start0:end+beyond-part.ref_start0].tobytes()
    assembled = assemble(reads, np.arange(len(ends)), ends, start, end, inside, RealignOptions())
    texts = [around[:beyond]+text+around[-beyond:] for text in assembled]
    which = np.flatnonzero((ends > start) & (reads.pos0 < end))
    fit = score_reads(reads, which, texts, beyond, beyond, around)
    chosen = choose_haplotypes(fit.totals, fit.scores, [is_reference(text, around) for text in texts])
    rows = []
    for i, text in enumerate(texts):
        cigar = "".join(f"{n}{op_codes[op]}" for op, n in align_haplotype(text, around)[1].tolist())
        rows.append(f"| {len(text)-len(around):+d} | {fit.totals[i]:,} | {(chosen == i).sum()} | {cigar} |")
    return rows


def place_table(sample: Path, ref: Path) -> list[str]:
    "The haplotypes of the windows of one place."
    maker = ExampleMaker(prepare(sample/"reads.bam", ref, ["chr20"], realign=False))
    table = []
    for found in maker.find("chr20", *place, Counter()):
        part = found.partition
        windows = select_windows(found.reads, part.ref, part.ref_start0, part.contig_length, part.start0,
                                 part.end0)
        for start, end in windows.tolist():
            table += ["", f"Window chr20:{start+1:,}-{end:,}, with {beyond} bases on both sides:", "",
                      "| bases more than the reference | total score | reads that it gets | alignment |",
                      "|---|---|---|---|", *haplotype_rows(found, start, end)]
    return table


def main():
    formatter = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=formatter)
    parser.add_argument("--data", type=Path, default=project_root().parent/"shared"/"data",
                        help="folder of the real reads: hg002, na12878, reference, giab_hg002_grch38")
    parser.add_argument("--mb", type=float, default=1, help="megabases to simulate")
    parser.add_argument("--write", action="store_true", help="keep the table in benchmarks/results")
    a = parser.parse_args()
    table = ["# Candidates as aligned and realigned", "",
             f"`python benchmarks/realigned.py {' '.join(sys.argv[1:])}`, commit {git_commit()}.", "",
             "The labels of the candidate sites, scored as calls, and the heterozygous indels (one alt) with "
             f"the alt in less than {low_fraction:.0%} of the reads (weak).", "",
             "| sample | reads | sites | SNPs missed | SNPs false | indels missed | indels false "
             "| weak indels |",
             "|---|---|---|---|---|---|---|---|"]
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        hg19 = a.data/"reference"/"hg19.chr20.fasta.gz"
        samples = [(a.data/"hg002", hg19), (a.data/"na12878", hg19), simulated_sample(a.data, a.mb, work)]
        for sample, ref in samples:
            for realign in (False, True):
                table.append(row(sample, ref, realign, work))
                print(table[-1], flush=True)
    table += ["", "## HG002's GATA repeat", *place_table(a.data/"hg002", hg19)]
    print(*table[-12:], sep="\n")
    if a.write: (project_root()/"benchmarks"/"results"/"realigned.md").write_text("\n".join(table)+"\n")


if __name__ == "__main__":
    main()
