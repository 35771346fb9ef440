"""Speed and memory of dvb_simulate: seconds and peak memory by megabases, and what two processes bring. `--write` keeps the table.

    python benchmarks/simulate.py [--mb 1 4 16] [--coverage 30] [--write]
"""
import argparse, json, subprocess, sys, tempfile
from pathlib import Path

import numba, numpy, pysam

from dv_bench.core import git_commit, project_root

work = """
import json, os, resource, sys, time
from dv_bench.simulation.sample import Options, simulate
out, mb, coverage, jobs = sys.argv[1], float(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4])
simulate(out+"_warm", .01, Options(coverage=5), quiet=True)
wall, cpu = time.perf_counter(), os.times()
made = simulate(out, mb, Options(coverage=coverage), jobs=jobs, quiet=True)
now = os.times()
print(json.dumps([made["reads"], time.perf_counter()-wall, sum(now[:4])-sum(cpu[:4]), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss/1024]))
"""


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--mb", type=float, nargs="+", default=[1, 4, 16]); p.add_argument("--coverage", type=float, default=30); p.add_argument("--write", action="store_true")
    a = p.parse_args()
    lines = [f"# dvb_simulate at {a.coverage:g}x, sorted and indexed", "", f"`python benchmarks/simulate.py {' '.join(sys.argv[1:])}`, commit {git_commit()}; numba {numba.__version__}, "
             f"numpy {numpy.__version__}, pysam {pysam.__version__}. Compiled before the clock starts; CPU seconds are those that a machine without other work would take on one core.", "",
             "| Mb | jobs | reads | seconds | CPU seconds | CPU seconds per Mb | peak memory of the main process, MB |", "|---|---|---|---|---|---|---|"]
    for mb, jobs in [(mb, 1) for mb in a.mb]+[(a.mb[-1], 2)]:
        with tempfile.TemporaryDirectory() as d:
            reads, wall, cpu, peak = json.loads(subprocess.run([sys.executable, "-c", work, str(Path(d)/"out"), str(mb), str(a.coverage), str(jobs)], check=True, capture_output=True, text=True).stdout)
        lines.append(f"| {mb:g} | {jobs} | {reads:,} | {wall:.1f} | {cpu:.1f} | {cpu/mb:.1f} | {peak:.0f} |")
        print(lines[-1], flush=True)
    if a.write: (project_root()/"benchmarks"/"results"/"simulate.md").write_text("\n".join(lines)+"\n")


if __name__ == "__main__": main()
