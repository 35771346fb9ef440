"""Check that every package pinned in constraints.txt has a wheel for each supported version of Python.

The check asks pip to resolve the pins without their dependencies and without installing anything. Large
wheels are not downloaded where the registry gives their metadata by itself.

Usage: python scripts/check_pins.py [--versions 3.11.0 3.12 3.13 3.14]
"""
import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

root = Path(__file__).resolve().parent.parent


def unavailable(version: str) -> list[str]:
    "What pip says about pins that cannot be installed with this version of Python; empty when all can."
    with tempfile.TemporaryDirectory() as folder:
        command = [
            sys.executable, "-m", "pip", "install", "--dry-run", "--no-deps", "--ignore-installed", "--quiet",
            "--only-binary=:all:", "--implementation", "cp", "--python-version", version,
            "--target", folder, "-r", str(root/"constraints.txt")]
        finished = subprocess.run(command, capture_output=True, text=True)
    if finished.returncode == 0: return []
    errors = [line for line in finished.stderr.splitlines() if line.startswith("ERROR")]
    return errors or [finished.stderr[-500:]]


def main():
    "Check each version; exit with 1 when a pin is missing for one."
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--versions", nargs="+", default=["3.11.0", "3.12", "3.13", "3.14"])
    failed = False
    for version in parser.parse_args().versions:
        problems = unavailable(version)
        failed = failed or bool(problems)
        print(f"Python {version}: {'; '.join(problems)[:300] or 'every pin has a wheel'}", flush=True)
    sys.exit(failed)


if __name__ == "__main__": main()
