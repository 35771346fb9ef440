"""How fast do reads become examples?

Without options the supplied 100 kb of a genome at 52x are used. Reported are images/s, reads/s and kb/s of CPU time of one process, warm, with and
without realignment, and how the time divides. On copies of these reads laid end to end: what two jobs do to one, beside two independent processes
on half the copies each, and the peak memory for a short and a long region. And what numba's compilation costs the first time on a machine.

Usage: python benchmarks/make_examples.py [--reads BAM --ref FASTA --region REGION] [--seconds 60] [--out benchmarks/results/make_examples.md]
"""
import argparse
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pysam

from dv_bench.images import examples
from dv_bench.core import package_versions, project_root
from dv_bench.genome import parse_region
from dv_bench.dataset.writer import DatasetWriter

stages = {"fetch_reads": "reading", "take_reads": "candidates", "find_candidates": "candidates", "realign": "realigning",
          "site_images": "drawing", "labels": "labelling", "encode_image": "writing", "add_encoded": "writing"}


def timed(owner, name: str, spent: Counter):
    "Replace a function by itself with its CPU seconds counted."
    original, stage = getattr(owner, name), stages[name]
    def run(*args, **kwargs):
        start = time.process_time()
        try: return original(*args, **kwargs)
        finally: spent[stage] += time.process_time()-start
    setattr(owner, name, run)


def pysam_alone(arguments: argparse.Namespace) -> list[str]:
    "What pysam needs to hand out the same reads as Python objects."
    region, seconds = parse_region(arguments.region), []
    for _ in range(arguments.repeats):
        start, n = time.process_time(), 0
        with pysam.AlignmentFile(arguments.reads) as reads:
            for n, r in enumerate(reads.fetch(*region), 1): r.query_sequence, r.query_qualities, r.cigartuples, r.flag, r.mapping_quality, r.query_name
        seconds.append(time.process_time()-start)
    return [f"pysam alone: {min(seconds):.2f} s for {n:,} reads and their bases, qualities, CIGARs and names.", ""]


def split(arguments: argparse.Namespace, bed: str) -> list[str]:
    "One process, warm: rates and the division of its CPU time."
    spent = Counter()
    for owner, names in ((examples, ("fetch_reads", "take_reads", "find_candidates", "realign", "site_images", "encode_image")), (examples.ExampleMaker, ("labels",)),
                         (DatasetWriter, ("add_encoded",))):
        for name in names: timed(owner, name, spent)
    parts = list(dict.fromkeys(stages.values()))
    lines = [f"| | images | images/s | images/s without reading and realigning | reads/s | kb/s | {' | '.join(f'{p} %' for p in parts)} | rest % |", "|---"*(7+len(parts))+"|"]
    for name, realign, labels in (("no realignment", False, False), ("with realignment", True, False), ("with realignment and labels", True, True)):
        best = None
        if labels and not arguments.truth: continue
        for _ in range(arguments.repeats+1):  # the first warms up
            spent.clear()
            job = examples.prepare(arguments.reads, arguments.ref, [arguments.region], realign=realign, **({"truth": arguments.truth, "confident": bed} if labels else {}))
            bases = sum(e-s for intervals in job.regions.values() for s, e in intervals)
            with tempfile.TemporaryDirectory() as folder, DatasetWriter(f"{folder}/d", job.channels, *job.size) as writer:
                start, counts, n = time.process_time(), Counter(), 0
                for row, (chunk, digest) in examples.run_job(replace(job, encode=True), 1, counts, False): writer.add_encoded(chunk, digest, row); n += 1
                seconds = time.process_time()-start
            if best is None or seconds < best[0]: best = seconds, n, counts["reads used"], dict(spent)
        seconds, n, reads, found = best
        shares = [found.get(p, 0)/seconds for p in parts]
        after = seconds*(1-shares[parts.index("reading")]-shares[parts.index("realigning")])
        lines.append(f"| {name} | {n} | {n/seconds:.0f} | {n/after:.0f} | {reads/seconds:,.0f} | {bases/seconds/1e3:.0f} | "
                     + " | ".join(f"{100*s:.0f}" for s in shares) + f" | {100*(1-sum(shares)):.0f} |")
    return lines


def tile(arguments: argparse.Namespace, copies: int, folder: Path) -> tuple[Path, Path, int]:
    "A contig of copies of the region laid end to end, and its reads; paths of BAM and FASTA, and the length of a copy."
    region = parse_region(arguments.region)
    with pysam.FastaFile(arguments.ref) as fasta: bases = fasta.fetch(*region).upper()
    ref, bam = folder/"tiled.fasta", folder/"tiled.bam"
    ref.write_text(">tiled\n" + bases*copies + "\n")
    header = {"HD": {"VN": "1.6", "SO": "coordinate"}, "SQ": [{"SN": "tiled", "LN": len(bases)*copies}], "RG": [{"ID": "a", "SM": "tiled"}]}
    with pysam.AlignmentFile(arguments.reads) as reads:
        kept = [r for r in reads.fetch(*region) if r.reference_start >= region.start and r.reference_end and r.reference_end <= region.end]
    with pysam.AlignmentFile(str(bam), "wb", header=header) as out:
        for copy in range(copies):
            for r in kept:
                new = pysam.AlignedSegment(out.header)
                new.query_name, new.flag, new.reference_id, new.mapping_quality, new.cigarstring = f"{r.query_name}_{copy}", r.flag, 0, r.mapping_quality, r.cigarstring
                new.reference_start = r.reference_start-region.start+copy*len(bases)
                new.next_reference_id = 0 if r.next_reference_id == r.reference_id else -1
                new.next_reference_start = new.reference_start if new.next_reference_id == 0 else -1
                new.template_length, new.query_sequence, new.query_qualities = r.template_length, r.query_sequence, r.query_qualities
                out.write(new)
    pysam.index(str(bam))
    return bam, ref, len(bases)


def command(bam: Path, ref: Path, region: str, out: Path, jobs: int) -> list[str]:
    return [str(Path(sys.executable).parent/"dvb_examples"), str(out), "--reads", str(bam), "--ref", str(ref), "--region", region, "--jobs", str(jobs)]


def scaling(arguments: argparse.Namespace, seconds: float) -> list[str]:
    "Two jobs beside two independent processes, and memory on a short and a long region."
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        copies = 2*max(1, round(arguments.seconds/seconds/2))
        bam, ref, length = tile(arguments, copies, folder)
        half = length*copies//2
        def run(name, *regions_jobs):
            start = time.perf_counter()
            procs = [subprocess.Popen(command(bam, ref, region, folder/f"{name}{i}", jobs), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                      env=os.environ | {"OMP_NUM_THREADS": "1"}) for i, (region, jobs) in enumerate(regions_jobs)]
            assert not any(p.wait() for p in procs)
            return time.perf_counter()-start
        one = run("one", ("tiled", 1))
        independent, two = [], []
        for n in range(2):
            independent.append(run(f"independent{n}", (f"tiled:1-{half}", 1), (f"tiled:{half+1}-{2*half}", 1)))
            two.append(run(f"two{n}", ("tiled", 2)))
        memory = {}
        for kb in (100, 1000):
            code = f"import resource, sys; sys.argv = ['dvb_examples', '{folder}/m{kb}', '--reads', '{bam}', '--ref', '{ref}', '--region', 'tiled:1-{kb}000']\n" \
                   "from dv_bench.commands.examples import dvb_examples; dvb_examples(); print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
            memory[kb] = int(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()[-1])/1024
    return ["", f"{copies} copies of the region ({copies*length/1e6:.1f} Mb): one job {one:.1f} s; two independent processes on half of it each {min(independent):.1f} s; "
            f"two jobs {min(two):.1f} s, **{min(independent)/min(two):.2f}** of what the independent ones reach.",
            "", f"Peak memory: {memory[100]:.0f} MiB for 100 kb, {memory[1000]:.0f} MiB for 1 Mb (x {memory[1000]/memory[100]:.2f})."]


def compilation(arguments: argparse.Namespace) -> list[str]:
    "Seconds of CPU that a first run costs more than the second."
    region = parse_region(arguments.region)
    with tempfile.TemporaryDirectory() as folder:
        seconds = []
        for n in range(2):
            before = os.times()
            subprocess.run(command(arguments.reads, arguments.ref, f"{region.contig}:{region.start+1}-{region.start+2000}", Path(folder)/f"d{n}", 1),
                           check=True, capture_output=True, env=os.environ | {"NUMBA_CACHE_DIR": f"{folder}/numba"})
            seconds.append(os.times().children_user-before.children_user)
    return ["", f"Compilation, once on a machine: {seconds[0]-seconds[1]:.1f} s of CPU (first run {seconds[0]:.1f} s, second {seconds[1]:.1f} s)."]


if __name__ == "__main__":
    data = project_root().parent/"shared"/"data"
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reads", default=str(data/"na12878"/"reads.bam"))
    parser.add_argument("--ref", default=str(data/"reference"/"hg19.chr20.fasta.gz"))
    parser.add_argument("--region", default="chr20:10,000,001-10,100,000")
    parser.add_argument("--truth", default=str(data/"na12878"/"truth.vcf.gz"))
    parser.add_argument("--seconds", type=float, default=60, help="how long one job is to be busy where jobs are compared; 0 leaves that out")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--out", default="")
    arguments = parser.parse_args()
    if not Path(arguments.reads).exists(): sys.exit(f"{arguments.reads} does not exist; give --reads, --ref, --region, --truth '' (dvb_simulate makes some)")
    versions = package_versions(("numba", "numpy", "pysam", "blosc2"))
    lines = [f"# Reads to examples\n\n{Path(arguments.reads).name}, {arguments.region}; {platform.machine()}, {os.cpu_count()} CPUs, " +
             ", ".join(f"{k} {v}" for k, v in versions.items()) + f"; CPU seconds, best of {arguments.repeats}, opening and closing "
             "the dataset folder left out.\n"]
    lines += pysam_alone(arguments)
    with tempfile.NamedTemporaryFile("w", suffix=".bed") as bed: # everything, so that labelling costs what it costs on a genome
        region = parse_region(arguments.region)
        bed.write(f"{region.contig}\t{region.start}\t{region.end}\n")
        bed.flush()
        lines += split(arguments, bed.name)
    print("\n".join(lines), flush=True)
    more = compilation(arguments)
    if arguments.seconds:
        job = examples.prepare(arguments.reads, arguments.ref, [arguments.region])
        begin = time.process_time()
        for _ in examples.run_job(job, 1, Counter(), False): pass
        more += scaling(arguments, time.process_time()-begin)
    print("\n".join(more))
    if arguments.out:
        Path(arguments.out).parent.mkdir(parents=True, exist_ok=True)
        Path(arguments.out).write_text("\n".join(lines+more)+"\n")
