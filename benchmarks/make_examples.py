"""How fast do reads become examples?

Without options the supplied 100 kb of a genome at 52x are used. Reported are images/s, reads/s and kb/s of
CPU time of one warm process, with and without realignment, and the share of each stage. Then the cost of
numba's compilation, once on a machine. Copies of these reads, laid end to end, compare two jobs with two
independent processes on half of the copies each, and give the peak memory for a short and a long region.

Usage: python benchmarks/make_examples.py [--reads BAM --ref FASTA --region REGION] [--truth VCF]
                                          [--seconds 60] [--repeats 3]
                                          [--out benchmarks/results/make_examples.md]
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
from typing import NamedTuple

import pysam

from dv_bench.core import package_versions, project_root
from dv_bench.dataset.writer import DatasetWriter
from dv_bench.genome import Region, parse_region
from dv_bench.images import examples

stages = {  # function or method -> the stage that its time counts for
    "fetch_reads": "reading",
    "take_reads": "candidates",
    "find_candidates": "candidates",
    "realign": "realigning",
    "site_images": "drawing",
    "labels": "labelling",
    "encode_image": "writing",
    "add_encoded": "writing",
}
owners = {"labels": examples.ExampleMaker, "add_encoded": DatasetWriter}  # all others: the module `examples`

# Run by a process of its own: make examples and print the peak resident memory.
make_examples = """
import resource, sys
from dv_bench.commands.examples import dvb_examples
sys.argv[0] = "dvb_examples"
dvb_examples()
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


class Input(NamedTuple):
    "Reads to draw, and where."
    reads: str
    ref: str
    region: str


class Speed(NamedTuple):
    "What one process did."
    seconds: float  # of CPU
    images: int
    reads: int      # used
    bases: int      # of the regions
    spent: dict     # stage -> seconds of CPU


def count_time(owner, name: str, spent: Counter):
    "Replace a function by one that adds its CPU seconds to those of its stage."
    original = getattr(owner, name)
    def timed(*args, **kwargs):
        start = time.process_time()
        try: return original(*args, **kwargs)
        finally: spent[stages[name]] += time.process_time()-start
    setattr(owner, name, timed)


def count_stages() -> Counter:
    "Seconds of each stage, counted from now on."
    spent = Counter()
    for name in stages: count_time(owners.get(name, examples), name, spent)
    return spent


def iterate_reads(path: str, region: Region) -> int:
    "Take from each read what examples are made of; number of reads."
    n = 0
    with pysam.AlignmentFile(path) as reads:
        for n, r in enumerate(reads.fetch(*region), 1):
            r.query_sequence, r.query_qualities, r.cigartuples, r.flag, r.mapping_quality, r.query_name
    return n


def pysam_alone(source: Input, repeats: int) -> list[str]:
    "What pysam needs to hand out the same reads as Python objects."
    seconds = []
    for _ in range(repeats):
        start = time.process_time()
        n = iterate_reads(source.reads, parse_region(source.region))
        seconds.append(time.process_time()-start)
    return [f"pysam alone: {min(seconds):.2f} s for {n:,} reads and their bases, qualities, CIGARs and "
            "names.", ""]


def write_job(job: examples.Job, spent: Counter) -> Speed:
    "Make the examples of a job in this process and write them to a temporary dataset."
    spent.clear()
    job = replace(job, encode=True)
    counts = Counter()
    n = 0
    with tempfile.TemporaryDirectory() as folder:
        with DatasetWriter(f"{folder}/d", job.channels, *job.size) as writer:
            start = time.process_time()
            for row, (chunk, digest) in examples.run_job(job, 1, counts, False):
                writer.add_encoded(chunk, digest, row)
                n += 1
            seconds = time.process_time()-start
    bases = sum(end-start for intervals in job.regions.values() for start, end in intervals)
    return Speed(seconds, n, counts["reads used"], bases, dict(spent))


def speed_row(name: str, speed: Speed, parts: list[str]) -> str:
    "A row of the table of rates and shares."
    shares = {part: speed.spent.get(part, 0)/speed.seconds for part in parts}
    without = speed.seconds*(1-shares["reading"]-shares["realigning"])
    cells = [name, f"{speed.images}", f"{speed.images/speed.seconds:.0f}", f"{speed.images/without:.0f}",
             f"{speed.reads/speed.seconds:,.0f}", f"{speed.bases/speed.seconds/1e3:.0f}",
             *(f"{100*share:.0f}" for share in shares.values()), f"{100*(1-sum(shares.values())):.0f}"]
    return f"| {' | '.join(cells)} |"


def speed_table(source: Input, truth: str, confident: str, repeats: int) -> list[str]:
    "One warm process: rates and the shares of its CPU time."
    settings = {"no realignment": {"realign": False}, "with realignment": {}}
    if truth: settings["with realignment and labels"] = {"truth": truth, "confident": confident}
    spent = count_stages()
    parts = list(dict.fromkeys(stages.values()))
    head = ["images", "images/s", "images/s without reading and realigning", "reads/s", "kb/s",
            *(f"{part} %" for part in parts), "rest %"]
    lines = [f"| | {' | '.join(head)} |", "|---"*(1+len(head))+"|"]
    for name, options in settings.items():
        speeds = []
        for _ in range(repeats+1):  # the first warms up
            job = examples.prepare(source.reads, source.ref, [source.region], **options)
            speeds.append(write_job(job, spent))
        fastest = min(speeds, key=lambda speed: speed.seconds)
        lines.append(speed_row(name, fastest, parts))
    return lines


def whole_region_bed(region: Region, folder: str) -> str:
    "A BED file by which the whole region is confident, so that labelling costs what it costs on a genome."
    path = Path(folder)/"confident.bed"
    path.write_text(f"{region.contig}\t{region.start}\t{region.end}\n")
    return str(path)


def moved_read(read: pysam.AlignedSegment, header, name: str, offset: int) -> pysam.AlignedSegment:
    "A copy of a read with another name, at another place of the only contig."
    new = pysam.AlignedSegment(header)
    new.query_name = name
    new.flag = read.flag
    new.reference_id = 0
    new.reference_start = read.reference_start+offset
    new.mapping_quality = read.mapping_quality
    new.cigarstring = read.cigarstring
    new.next_reference_id = 0 if read.next_reference_id == read.reference_id else -1
    new.next_reference_start = new.reference_start if new.next_reference_id == 0 else -1
    new.template_length = read.template_length
    new.query_sequence = read.query_sequence
    new.query_qualities = read.query_qualities
    return new


def reads_inside(path: str, region: Region) -> list[pysam.AlignedSegment]:
    "The reads that are aligned within a region."
    with pysam.AlignmentFile(path) as reads:
        return [r for r in reads.fetch(*region)
                if r.reference_start >= region.start and r.reference_end and r.reference_end <= region.end]


def tile(source: Input, copies: int, folder: Path) -> tuple[Path, Path, int]:
    "Copies of the region laid end to end as one contig, with their reads; BAM, FASTA, length of a copy."
    region = parse_region(source.region)
    with pysam.FastaFile(source.ref) as fasta: bases = fasta.fetch(*region).upper()
    ref = folder/"tiled.fasta"
    bam = folder/"tiled.bam"
    ref.write_text(f">tiled\n{bases*copies}\n")
    header = {"HD": {"VN": "1.6", "SO": "coordinate"}, "SQ": [{"SN": "tiled", "LN": len(bases)*copies}],
              "RG": [{"ID": "a", "SM": "tiled"}]}
    kept = reads_inside(source.reads, region)
    with pysam.AlignmentFile(str(bam), "wb", header=header) as out:
        for copy in range(copies):
            offset = copy*len(bases)-region.start
            for r in kept: out.write(moved_read(r, out.header, f"{r.query_name}_{copy}", offset))
    pysam.index(str(bam))
    return bam, ref, len(bases)


def arguments_of(source: Input, out: Path) -> list[str]:
    "The arguments of dvb_examples."
    return [str(out), "--reads", source.reads, "--ref", source.ref, "--region", source.region]


def command(source: Input, out: Path, jobs: int) -> list[str]:
    "A command line of dvb_examples."
    return [str(Path(sys.executable).parent/"dvb_examples"), *arguments_of(source, out), "--jobs", str(jobs)]


def run_beside(sources: list[Input], jobs: int, out: Path) -> float:
    "Seconds until dvb_examples has made the examples of all inputs, one process for each at the same time."
    start = time.perf_counter()
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    processes = [subprocess.Popen(command(source, Path(f"{out}{i}"), jobs), stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL, env=environment)
                 for i, source in enumerate(sources)]
    codes = [process.wait() for process in processes]
    if any(codes): sys.exit(f"dvb_examples failed: exit codes {codes}")
    return time.perf_counter()-start


def peak_memory(source: Input, out: Path) -> float:
    "Peak resident memory, in MiB, of dvb_examples."
    process = [sys.executable, "-c", make_examples, *arguments_of(source, out)]
    printed = subprocess.run(process, capture_output=True, text=True, check=True).stdout
    return int(printed.split()[-1])/1024


def scaling(source: Input, copies: int, folder: Path) -> list[str]:
    "Two jobs beside two independent processes, and memory on a short and a long region."
    bam, ref, length = tile(source, copies, folder)
    half = length*copies//2
    tiled = Input(str(bam), str(ref), "tiled")
    halves = [tiled._replace(region=f"tiled:1-{half}"), tiled._replace(region=f"tiled:{half+1}-{2*half}")]
    one = run_beside([tiled], 1, folder/"one")
    independent, two = [], []
    for k in range(2):
        independent.append(run_beside(halves, 1, folder/f"independent{k}"))
        two.append(run_beside([tiled], 2, folder/f"two{k}"))
    short = peak_memory(tiled._replace(region="tiled:1-100000"), folder/"short")
    long = peak_memory(tiled._replace(region="tiled:1-1000000"), folder/"long")
    return ["", f"{copies} copies of the region ({copies*length/1e6:.1f} Mb): one job {one:.1f} s; "
            f"two independent processes on half of it each {min(independent):.1f} s; "
            f"two jobs {min(two):.1f} s, **{min(independent)/min(two):.2f}** of the speed of the independent "
            "ones.",
            "", f"Peak memory: {short:.0f} MiB for 100 kb, {long:.0f} MiB for 1 Mb (x {long/short:.2f})."]


def seconds_of_one_job(source: Input) -> float:
    "CPU seconds of this process for all examples of the region."
    job = examples.prepare(source.reads, source.ref, [source.region])
    begin = time.process_time()
    for _ in examples.run_job(job, 1, Counter(), False): pass
    return time.process_time()-begin


def compilation(source: Input) -> list[str]:
    "Seconds of CPU that the first run on a machine takes longer than the second."
    region = parse_region(source.region)
    start = source._replace(region=f"{region.contig}:{region.start+1}-{region.start+2000}")
    seconds = []
    with tempfile.TemporaryDirectory() as folder:
        for k in range(2):
            before = os.times()
            subprocess.run(command(start, Path(folder)/f"d{k}", 1), check=True, capture_output=True,
                           env=os.environ | {"NUMBA_CACHE_DIR": f"{folder}/numba"})
            seconds.append(os.times().children_user-before.children_user)
    first, second = seconds
    return ["", f"Compilation, once on a machine: {first-second:.1f} s of CPU (first run {first:.1f} s, "
            f"second {second:.1f} s)."]


def title(source: Input, repeats: int) -> list[str]:
    "What was measured, and on what."
    versions = package_versions(("numba", "numpy", "pysam", "blosc2"))
    packages = ", ".join(f"{name} {version}" for name, version in versions.items())
    return ["# Reads to examples", "",
            f"{Path(source.reads).name}, {source.region}; {platform.machine()}, {os.cpu_count()} CPUs, "
            f"{packages}; CPU seconds, best of {repeats}, without opening and closing the dataset folder.",
            ""]


def read_arguments() -> argparse.Namespace:
    data = project_root().parent/"shared"/"data"
    formatter = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=formatter)
    parser.add_argument("--reads", default=str(data/"na12878"/"reads.bam"))
    parser.add_argument("--ref", default=str(data/"reference"/"hg19.chr20.fasta.gz"))
    parser.add_argument("--region", default="chr20:10,000,001-10,100,000")
    parser.add_argument("--truth", default=str(data/"na12878"/"truth.vcf.gz"),
                        help="VCF of true variants; '' measures no labelling")
    parser.add_argument("--seconds", type=float, default=60,
                        help="how long one job takes where jobs are compared; 0 leaves the comparison out")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--out", default="", help="Markdown file for the report")
    return parser.parse_args()


def main():
    a = read_arguments()
    source = Input(a.reads, a.ref, a.region)
    if not Path(a.reads).exists():
        sys.exit(f"{a.reads} does not exist; give --reads, --ref, --region and --truth '' "
                 "(dvb_simulate makes such files)")
    lines = [*title(source, a.repeats), *pysam_alone(source, a.repeats)]
    with tempfile.TemporaryDirectory() as folder:
        lines += speed_table(source, a.truth, whole_region_bed(parse_region(a.region), folder), a.repeats)
        print("\n".join(lines), flush=True)
        more = compilation(source)
        if a.seconds:
            copies = 2*max(1, round(a.seconds/seconds_of_one_job(source)/2))
            more += scaling(source, copies, Path(folder))
    print("\n".join(more))
    if not a.out: return
    Path(a.out).parent.mkdir(parents=True, exist_ok=True)
    Path(a.out).write_text("\n".join(lines+more)+"\n")


if __name__ == "__main__": main()
