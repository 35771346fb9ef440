"""Build wheel and sdist, install the wheel into a new environment, and use its commands in empty folders.

With --quick only dv_bench comes from the wheel; the other packages are those of the environment that runs the
script, and a study is planned and not run. Without it pip installs everything, pinned by constraints.txt.
Each check prints a line with PASS or FAIL.

Usage: python scripts/check_wheel.py [--quick] [--keep FOLDER]
"""
import argparse
import filecmp
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
import zipfile
from configparser import ConfigParser
from pathlib import Path

root = Path(__file__).resolve().parent.parent
study = """
experiment: small
data:
  train: {folder: data/small}
archs: [allele_fraction]
seeds: 1
folds: 2
"""
program = """
import sys, dv_bench
assert "torch" not in sys.modules, "torch was imported"
import timm
print(dv_bench.__version__, dv_bench.__file__)"""


def project_files() -> list[str]:
    "Paths of the files that settings.ini names for the package."
    settings = ConfigParser(delimiters=["="])
    settings.read(root/"settings.ini")
    patterns = settings["DEFAULT"]["project_files"].split()
    return [f.relative_to(root).as_posix() for pattern in patterns for f in root.glob(pattern)]


def expected_files() -> dict[str, Path]:
    "Name in the wheel -> file of the checkout."
    package = [f for f in root.glob("dv_bench/**/*") if f.is_file() and "__pycache__" not in f.parts]
    files = {f.relative_to(root).as_posix(): f for f in package}
    return files | {f"dv_bench/project/{name}": root/name for name in project_files()}


def differences(wheel: Path) -> list[str]:
    "Files that the wheel lacks, has in addition, or has with other bytes."
    expected = expected_files()
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if not name.split("/")[0].endswith(".dist-info")}
        common = names & expected.keys()
        other = [name for name in common if archive.read(name) != expected[name].read_bytes()]
    return sorted(names ^ expected.keys())+sorted(other)


def cell_sources(notebook: Path) -> set[str]:
    "The text of each cell."
    return {"".join(cell["source"]) for cell in json.loads(notebook.read_text())["cells"]}


class Checks:
    "Runs checks and prints a line for each."

    def __init__(self, work: Path):
        self.work = work
        self.environment = work/"venv"
        self.failed = 0

    def report(self, name: str, problem: str, begin: float):
        "Print the outcome; an empty problem is a PASS."
        self.failed += bool(problem)
        seconds = time.monotonic()-begin
        print(f"FAIL {name}: {problem}" if problem else f"PASS {name} ({seconds:.0f} s)", flush=True)

    def site(self) -> Path:
        "The folder of packages of the new environment."
        return next(self.environment.glob("lib/python*/site-packages"))

    def has(self, package: str) -> bool:
        "Whether a package is installed in the new environment."
        code = f"import importlib.util, sys; sys.exit(importlib.util.find_spec('{package}') is None)"
        python = self.environment/"bin"/"python"
        return not subprocess.run([python, "-c", code], env=self.variables()).returncode

    def variables(self, **more: str) -> dict[str, str]:
        "The environment of a command: nothing of the checkout, the new environment's programs first."
        left_out = ("PYTHONPATH", "DV_BENCH_HOME", "VIRTUAL_ENV")
        kept = {k: v for k, v in os.environ.items() if k not in left_out}
        path = f"{self.environment/'bin'}{os.pathsep}{os.environ['PATH']}"
        return kept | {"PATH": path, "PYTHONNOUSERSITE": "1"} | more

    def command(
        self, folder: Path, line: list, *made: Path, says: str = "", status: int = 0, **variables: str,
    ):
        "Run a command in a folder. It must end with this status, print these words and make these files."
        begin = time.monotonic()
        program = self.environment/"bin"/line[0]  # and never one of another environment
        done = subprocess.run(
            [program, *map(str, line[1:])], cwd=folder, env=self.variables(**variables), text=True,
            stdin=subprocess.DEVNULL, capture_output=True)
        text = (done.stdout+done.stderr).strip()
        problem = ""
        if done.returncode != status: problem = f"status {done.returncode}: {text[-2000:]}"
        elif says not in text: problem = f"it does not say {says!r}: {text[-2000:]}"
        elif missing := [str(path) for path in made if not path.exists()]:
            problem = f"missing {', '.join(missing)}"
        shown = " ".join(str(word) for word in line[:2]).splitlines()[0]
        self.report(f"{folder.name}$ {shown}", problem, begin)

    def build(self) -> Path:
        "Make the sdist, and the wheel from it."
        begin = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-m", "build", "--no-isolation", "--outdir", self.work/"dist", root],
            capture_output=True, text=True)
        if done.returncode: sys.exit(f"FAIL build: {(done.stdout+done.stderr)[-2000:]}")
        wheel = next((self.work/"dist").glob("*.whl"))
        name = f"{wheel.name}, made from the sdist, has the files of the checkout"
        self.report(name, ", ".join(differences(wheel)), begin)
        return wheel

    def install(self, wheel: Path, quick: bool):
        "Install the wheel into a new environment."
        begin = time.monotonic()
        subprocess.run([sys.executable, "-m", "venv", *["--without-pip"]*quick, self.environment], check=True)
        python = self.environment/"bin"/"python"
        pip = [sys.executable, "-m", "pip", "--python", python, "--quiet", "--disable-pip-version-check",
               "install"]
        pins = ["-c", root/"constraints.txt", "-c", root/"workflow"/"constraints.txt", f"{wheel}[study]"]
        options = ["--no-deps", "--no-index", wheel] if quick else pins
        done = subprocess.run([*pip, *options], env=self.variables(), capture_output=True, text=True)
        if done.returncode: sys.exit(f"FAIL install: {done.stderr[-2000:]}")
        # a folder in a .pth file gives its packages, and not those that are installed there as links
        if quick: (self.site()/"others.pth").write_text(sysconfig.get_path("purelib")+"\n")
        self.report("install", "", begin)

    def package(self):
        "The commands have changed nothing inside the installed package."
        begin = time.monotonic()
        folder = self.site()/"dv_bench"
        found = {f"dv_bench/{f.relative_to(folder).as_posix()}": f for f in folder.rglob("*")
                 if f.is_file() and "__pycache__" not in f.parts}
        expected = expected_files()
        changed = {name for name in found.keys() & expected.keys()
                   if not filecmp.cmp(found[name], expected[name], shallow=False)}
        different = sorted(changed | found.keys() ^ expected.keys())
        self.report("the package is as it was installed", ", ".join(different), begin)

    def notebook(self, executed: Path):
        "The notebook that was run is the installed version's."
        begin = time.monotonic()
        same = executed.exists() and cell_sources(root/"nbs"/executed.name) <= cell_sources(executed)
        self.report("the notebook that was run is the installed one", "" if same else "it differs", begin)


def check_commands(checks: Checks, quick: bool):
    "From reads to a study in an empty folder; results in DV_BENCH_HOME from another one."
    here, elsewhere, home = (checks.work/name for name in ("here", "elsewhere", "home"))
    here.mkdir()
    elsewhere.mkdir()
    (home/"data").mkdir(parents=True)
    sample = ["--ref", "sim/reference.fasta", "--reads", "sim/reads.bam"]
    truth = ["--truth", "sim/truth.vcf.gz", "--confident", "sim/confident.bed"]
    short = ["-p", "folds", 2, "-p", "epochs", 1, "-p", "rows", 75, "-p", "columns", 101,
             "-p", "exchange_images", 0]
    checks.command(here, ["python", "-c", program], says="site-packages")
    checks.command(here, ["dvb_simulate", "sim", "--mb", .05, "--coverage", 20], here/"sim"/"reads.bam")
    checks.command(here, ["dvb_examples", "data/small", *sample, *truth], here/"data"/"small"/"manifest.json")
    checks.command(here, ["dvb_train", "mobilenetv3_small_050", "gradient_boosting", "--data", "data/small",
                          "--experiment", "first", *short],
                   here/"outputs"/"first"/"mobilenetv3_small_050"/"fold1_seed0"/"run.json")
    checks.notebook(here/"outputs"/"first"/"mobilenetv3_small_050"/"train.ipynb")
    checks.command(here, ["dvb_summary", "first", "--no_images"], here/"outputs"/"first"/"summary.html")
    checks.command(here, ["dvb_call", "calls.vcf.gz", *sample], here/"calls.vcf.gz")
    (here/"study.yaml").write_text(study)
    checks.command(here, ["dvb_study", "study.yaml", "--plan"], says="train: 2 jobs")
    if not checks.has("snakemake"):
        print("left out: dvb_study runs jobs with Snakemake, which is not installed here")
    elif quick: checks.command(here, ["dvb_study", "study.yaml", "--dry_run"], says="train")
    else: checks.command(here, ["dvb_study", "study.yaml"], here/"outputs"/"small"/"summary.html")
    shutil.copytree(here/"data"/"small", home/"data"/"small")
    second = home/"outputs"/"second"
    checks.command(elsewhere, ["dvb_train", "gradient_boosting", "--data", "data/small",
                               "--experiment", "second", "--config", "configs/modern.yaml", *short],
                   second/"gradient_boosting"/"fold1_seed0"/"run.json", DV_BENCH_HOME=str(home))
    checks.command(elsewhere, ["dvb_runs", "second"], says="2 of 2 runs complete", DV_BENCH_HOME=str(home))
    if not quick:
        checks.command(elsewhere, ["dvb_summary", "second", "--no_images"], second/"summary.html",
                       DV_BENCH_HOME=str(home))
    checks.command(elsewhere, ["dvb_runs", "second"], says="expected the absolute path of a folder", status=1,
                   DV_BENCH_HOME="home")
    left = ", ".join(f.name for f in elsewhere.iterdir())
    checks.report("nothing but in DV_BENCH_HOME", left, time.monotonic())


def main():
    "Run all checks; exit with 1 when one fails."
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true",
                        help="take all packages but dv_bench from this environment")
    parser.add_argument("--keep", type=Path, help="work in this folder, which must not exist, and keep it")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        work = options.keep.resolve() if options.keep else Path(scratch)
        work.mkdir(parents=True, exist_ok=not options.keep)
        checks = Checks(work)
        wheel = checks.build()
        checks.install(wheel, options.quick)
        check_commands(checks, options.quick)
        checks.package()
    sys.exit(checks.failed > 0)


if __name__ == "__main__": main()
