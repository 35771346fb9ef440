"""Speed and memory of dvb_simulate: seconds and peak memory by megabases, and the gain from a second process.

Usage: python benchmarks/simulate.py [--mb 1 4 16] [--coverage 30] [--write]

--write keeps the table in benchmarks/results/simulate.md.
"""
import argparse
import json
import subprocess
import sys
import tempfile

import numba
import numpy
import pysam

from dv_bench.core import git_commit, project_root

# Run by a process of its own: simulate once to compile, then on the clock.
simulate_once = """
import json, os, resource, sys, time
from dv_bench.simulation.sample import Options, simulate

out, mb, coverage, jobs = sys.argv[1], float(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4])
simulate(out+"_warm", .01, Options(coverage=5), quiet=True)
wall, cpu = time.perf_counter(), os.times()
sample = simulate(out, mb, Options(coverage=coverage), jobs=jobs, quiet=True)
wall = time.perf_counter()-wall
cpu = sum(os.times()[:4])-sum(cpu[:4])
peak_memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss/1024
print(json.dumps([sample["reads"], wall, cpu, peak_memory]))
"""


def measured_row(mb: float, coverage: float, jobs: int) -> str:
    "Simulate in a process of its own; a row of the table."
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-c", simulate_once, f"{folder}/out", str(mb), str(coverage), str(jobs)]
        finished = subprocess.run(command, check=True, capture_output=True, text=True)
    reads, wall, cpu, peak_memory = json.loads(finished.stdout)
    return f"| {mb:g} | {jobs} | {reads:,} | {wall:.1f} | {cpu:.1f} | {cpu/mb:.1f} | {peak_memory:.0f} |"


def title(coverage: float) -> list[str]:
    "What is measured, with what, and the head of the table."
    return [f"# dvb_simulate at {coverage:g}x, sorted and indexed", "",
            f"`python benchmarks/simulate.py {' '.join(sys.argv[1:])}`, commit {git_commit()}; "
            f"numba {numba.__version__}, numpy {numpy.__version__}, pysam {pysam.__version__}. "
            "Compiled before the clock starts. CPU seconds are what the work takes on one core of a machine "
            "without other work.", "",
            "| Mb | jobs | reads | seconds | CPU seconds | CPU seconds per Mb "
            "| peak memory of the main process, MB |",
            "|---|---|---|---|---|---|---|"]


def main():
    formatter = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=formatter)
    parser.add_argument("--mb", type=float, nargs="+", default=[1, 4, 16],
                        help="sizes; the last one is also simulated with two processes")
    parser.add_argument("--coverage", type=float, default=30)
    parser.add_argument("--write", action="store_true", help="write benchmarks/results/simulate.md")
    a = parser.parse_args()
    lines = title(a.coverage)
    for mb, jobs in [*((mb, 1) for mb in a.mb), (a.mb[-1], 2)]:
        lines.append(measured_row(mb, a.coverage, jobs))
        print(lines[-1], flush=True)
    if a.write: (project_root()/"benchmarks"/"results"/"simulate.md").write_text("\n".join(lines)+"\n")


if __name__ == "__main__": main()
