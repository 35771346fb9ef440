"""Other variant callers on the reads of a benchmark, at any depth, and comparisons by truth variant.

bcftools and freebayes are run as their users run them. A program that is not installed is left out. Files are
kept, and used again where reads, reference, program and options are the same: a hash of these is in their
names.
"""
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

import pysam
from scipy.stats import binomtest

from dv_bench.calling.scoring import score_calls
from dv_bench.calling.vcf import vcf_alleles
from dv_bench.core import DvBenchError, atomic_path
from dv_bench.genome import RegionSet
from dv_bench.hts import open_reference
from kept_files import made_from

unused = pysam.FUNMAP | pysam.FSECONDARY | pysam.FQCFAIL | pysam.FDUP | pysam.FSUPPLEMENTARY
# calls with this QUAL or less are left out; a choice, made beforehand
least_qual = {"bcftools": None, "freebayes": 5.}
subsample_seed = 7
programs = {
    "bcftools": "bcftools mpileup, bcftools call -mv",
    "freebayes": f"freebayes, QUAL over {least_qual['freebayes']:g}",
}


class Scored(NamedTuple):
    "Calls against truth, as `dvb_score` compares them."
    counts: dict  # SNP, INDEL -> tp, fn, fp and more
    errors: list  # texts: the records that count as missed or false
    found: dict   # each truth record that counts -> was it called with its genotype?


# Depth

def mean_depth(reads: Path, confident: Path) -> float:
    "Mean depth of the confident regions, by aligned bases of primary reads without duplicates."
    with pysam.AlignmentFile(str(reads)) as bam:
        regions = RegionSet(confident, dict(zip(bam.references, bam.lengths)), needed=True)
        aligned, size = 0, 0
        for contig, intervals in regions.intervals.items():
            for start, end in intervals:
                size += end-start
                for read in bam.fetch(contig, start, end):
                    if read.flag & unused: continue
                    aligned += sum(max(0, min(b, end)-max(a, start)) for a, b in read.get_blocks())
    return aligned/size


def downsample(reads: Path, out: Path, fraction: float):
    "Write a BAM of a fraction of the fragments, with all reads of each, as `samtools view --subsample` does."
    with atomic_path(out) as partial:
        pysam.view("--bam", "--no-PG",
                   "--subsample", f"{fraction:.6f}",
                   "--subsample-seed", str(subsample_seed),
                   "--output", str(partial), str(reads), catch_stdout=False)
    pysam.index(str(out))


def reads_at_depth(reads: Path, confident: Path, depth: float, stem: Path) -> Path:
    "The BAM of this mean depth, `stem`_HASH.bam, made if missing. Raises DvBenchError for too high a depth."
    identity = made_from([reads, confident], depth, subsample_seed, pysam.__samtools_version__)
    out = stem.with_name(f"{stem.name}_{identity}.bam")
    if out.exists() and Path(f"{out}.bai").exists(): return out
    measured = mean_depth(reads, confident)
    if not 0 < depth < measured:
        raise DvBenchError(f"a depth of {depth:g} cannot be drawn from {reads}, which are {measured:.1f} "
                           "deep; give a smaller depth, or 0 for all reads")
    downsample(reads, out, depth/measured)
    return out


# Callers

def plain_reference(ref: Path, folder: Path) -> Path:
    "The reference without compression and in upper case, as freebayes reads it; made if it is missing."
    plain = folder/f"plain_{made_from([ref])}.fasta"
    if plain.exists() and Path(f"{plain}.fai").exists(): return plain
    with open_reference(ref) as fasta, atomic_path(plain) as partial, open(partial, "w") as out:
        for contig in fasta.references:
            bases = fasta.fetch(contig).upper()
            lines = (bases[i:i+100] for i in range(0, len(bases), 100))
            out.write(f">{contig}\n"+"\n".join(lines)+"\n")
    pysam.faidx(str(plain))
    return plain


def installed_callers() -> dict[str, str]:
    "The installed programs and their versions. Says which are left out."
    versions, missing = {}, missing_callers()
    for program in programs:
        if program in missing:
            print(f"{program} is not installed: its row is left out (Debian has it)", flush=True)
            continue
        shown = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
        versions[program] = shown.split("\n")[0].split()[-1].removeprefix("v")
    return versions


def missing_callers() -> list[str]:
    "The programs that are not installed."
    return [program for program in programs if not shutil.which(program)]


def caller_commands(program: str, reads: Path | str, plain_ref: Path | str) -> list[list[str]]:
    "The commands of a caller; each reads what the one before it writes."
    pileup = ["bcftools", "mpileup", "-Ou", "-f", str(plain_ref), str(reads)]
    return {
        "freebayes": [["freebayes", "-f", str(plain_ref), str(reads)]],
        "bcftools": [pileup, ["bcftools", "call", "-mv", "-Ov"]],
    }[program]


def caller_lines(commands: list[list[str]]) -> list[str]:
    "The lines of a caller's VCF. Raises DvBenchError where the program fails."
    running = []
    for command in commands:
        source = running[-1].stdout if running else None
        running.append(subprocess.Popen(command, stdin=source, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL))
        if source: source.close()  # only the next program reads it, so the first one ends where that one ends
    lines = running[-1].stdout.read().decode().splitlines()
    if any([process.wait() for process in running]):
        shown = " | ".join(map(shlex.join, commands))
        raise DvBenchError(f"{commands[0][0]} failed; run it to see its message: {shown}")
    return lines


def is_kept(line: str, least: float | None) -> bool:
    "Is this line of a VCF part of the header or of enough QUAL?"
    if least is None or line.startswith("#"): return True
    return float(line.split("\t", 6)[5]) > least


def run_caller(program: str, version: str, reads: Path, ref: Path, stem: Path) -> Path:
    "The calls of a program in the VCF `stem`_HASH.vcf, made if it is missing."
    least = least_qual[program]
    identity = made_from([reads, ref], version, caller_commands(program, "READS", "REFERENCE"), least)
    out = stem.with_name(f"{stem.name}_{identity}.vcf")
    if out.exists(): return out
    lines = caller_lines(caller_commands(program, reads, plain_reference(ref, out.parent)))
    with atomic_path(out) as partial:
        partial.write_text("\n".join(line for line in lines if is_kept(line, least))+"\n")
    return out


# Scores and pairs

def score_vcf(calls: Path, truth: Path, ref: Path, confident: Path) -> Scored:
    "What `dvb_score` counts, the records that it counts as missed or false, and which truth was found."
    scored = score_calls(calls, truth, ref, confident)
    kinds = {"FN": "missed", "FP": "false"}
    errors, found = [], {}
    with open_reference(ref) as fasta:
        for contig, decided in scored.decided.items():
            def bases(start, end): return fasta.fetch(contig, start, end).upper()
            for record in decided:
                if record.decision == "UNK": continue
                pos, ref_allele, alts, genotype = vcf_alleles(record.call, bases)
                text = f"{contig}:{pos} {ref_allele}>{','.join(alts)} {genotype}"
                if record.decision in kinds: errors.append(f"{kinds[record.decision]} {text}")
                if record.side == "truth": found[text] = record.decision == "TP"
    return Scored(scored.to_dict(), errors, found)


def discordances(one: dict, other: dict) -> tuple[int, int]:
    "Of the places in `one`, those that only `one` has right and those that only `other` has right."
    better = sum(right and not other.get(place, False) for place, right in one.items())
    worse = sum(other.get(place, False) and not right for place, right in one.items())
    return better, worse


def paired_text(better: int, worse: int, words: tuple[str, str] = ("better", "worse")) -> str:
    "Discordances in words, with the exact test of equal chances and the interval of Clopper and Pearson."
    text = f"right where the other is wrong {better}, the reverse {worse}"
    if not better+worse: return f"{text}: a difference is not shown."
    test = binomtest(better, better+worse)
    ci = test.proportion_ci(method="exact")
    verdict = "a difference is not shown"
    if ci.low > .5: verdict = words[0]
    if ci.high < .5: verdict = words[1]
    share = better/(better+worse)
    return f"{text}, share {share:.2f} ({ci.low:.2f}-{ci.high:.2f}), exact p = {test.pvalue:.2g}: {verdict}."
