"""Run the steps of docker/Dockerfile in a chroot, on a machine without a container engine.

The chroot is a Debian bookworm made by debootstrap, which is what `debian:bookworm-slim` is made of. The
instructions ARG, ENV, COPY, RUN, USER and WORKDIR are carried out as `docker build` does, each RUN as the
user that is in force. COPY takes the files that git tracks, so a path that is only in .dockerignore is not
tested. The script needs root, debootstrap and a network. With --test it then runs `make test` as the image's
user.

Usage: sudo python scripts/chroot_build.py FOLDER [--arg VARIANT=cpu ...] [--mirror URL] [--config FILE ...]
           [--test]
"""
import argparse
import contextlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

root = Path(__file__).resolve().parent.parent


def read_instructions(dockerfile: Path) -> list[tuple[str, str]]:
    "Pairs of an instruction and its argument; comments are left out and continued lines are joined."
    lines = [line for line in dockerfile.read_text().splitlines() if not line.lstrip().startswith("#")]
    text = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    return [tuple(line.split(maxsplit=1)) for line in text.splitlines() if line.strip()]


def make_chroot(folder: Path, mirror: str):
    "A minimal Debian bookworm in this folder; one that is there already is kept."
    if not (folder/"etc/debian_version").exists():
        mirrors = [mirror] if mirror else []
        subprocess.run(["debootstrap", "--variant=minbase", "bookworm", folder, *mirrors], check=True)
    shutil.copy("/etc/resolv.conf", folder/"etc/resolv.conf")


@contextlib.contextmanager
def mounted(folder: Path):
    "What a container engine mounts: processes, and shared memory, which worker processes need for locks."
    places = {folder/"proc": ["proc", "proc"], folder/"dev/shm": ["tmpfs", "tmpfs", "-o", "mode=1777"]}
    for place, (kind, source, *options) in places.items():
        place.mkdir(parents=True, exist_ok=True)
        subprocess.run(["mount", "-t", kind, source, place, *options], check=True)
    try: yield
    finally:
        for place in places: subprocess.run(["umount", "--lazy", place])


class Build:
    "The state of a build: folder, variables, user and working directory."

    def __init__(self, folder: Path, arguments: dict):
        self.folder = folder
        self.arguments = arguments  # of the command line
        self.variables = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
        self.user = "root"
        self.work = "/"

    def expand(self, text: str) -> str:
        "Replace $NAME by its value."
        return re.sub(r"\$(\w+)", lambda match: self.variables.get(match[1], ""), text)

    def home(self) -> str:
        "The home folder of the user in force."
        rows = [line.split(":") for line in (self.folder/"etc/passwd").read_text().splitlines()]
        return next(row[5] for row in rows if self.user in (row[0], row[2]))

    def run(self, command: str):
        "Run a shell command in the chroot as the user in force; exit when it fails."
        variables = self.variables | {"HOME": self.home()}
        assignments = [f"{name}={value}" for name, value in variables.items()]
        program = f"cd {shlex.quote(self.work)} && {command}"
        user = [] if self.user == "root" else [
            "setpriv", "--reuid", self.user, "--regid", self.user, "--clear-groups"]
        finished = subprocess.run(
            ["chroot", self.folder, *user, "env", "-i", *assignments, "/bin/sh", "-c", program],
            stdin=subprocess.DEVNULL)
        if finished.returncode: sys.exit(f"failed with {finished.returncode}: {command}")

    def copy(self, argument: str):
        "COPY of tracked files; `.` is all of them."
        words = [word for word in argument.split() if not word.startswith("--")]
        target = self.folder/self.work.lstrip("/")
        listing = ["git", "ls-files", "--", *words[:-1]]
        tracked = subprocess.run(listing, cwd=root, check=True, capture_output=True, text=True).stdout
        for name in tracked.splitlines():
            (target/name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(root/name, target/name)
        owner = self.user
        self.user = "root"
        self.run(f"chown -R {owner}:{owner} {self.work}")
        self.user = owner

    def step(self, instruction: str, argument: str):
        "Carry out one instruction."
        print(f"--- {instruction} {argument[:100]}", flush=True)
        if instruction == "ARG":
            name, _, default = argument.partition("=")
            self.variables[name] = self.arguments.get(name, default)
        elif instruction == "ENV":
            for word in shlex.split(argument):
                name, _, value = word.partition("=")
                self.variables[name] = self.expand(value)
        elif instruction == "USER": self.user = self.expand(argument)
        elif instruction == "WORKDIR": self.work = argument
        elif instruction == "COPY": self.copy(argument)
        elif instruction == "RUN": self.run(argument)


def read_options():
    "Options of the command line."
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="of the chroot; made if it is missing")
    parser.add_argument("--arg", action="append", default=[], help="NAME=VALUE, a build argument")
    parser.add_argument("--mirror", default="", help="of Debian; debootstrap's default if not given")
    parser.add_argument("--config", nargs="*", default=[],
                        help="files to take over from here, such as pip.conf")
    parser.add_argument("--env", nargs="*", default=[], help="names of variables to take over from here")
    parser.add_argument("--test", action="store_true", help="run `make test` at the end")
    return parser.parse_args()


def main():
    "Make the chroot, carry out the instructions, and check what the image promises."
    options = read_options()
    make_chroot(options.folder, options.mirror)
    for name in options.config:
        target = options.folder/name.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(name, target)
    build = Build(options.folder, dict(word.split("=", 1) for word in options.arg))
    build.variables |= {name: os.environ[name] for name in options.env if name in os.environ}
    instructions = read_instructions(root/"docker/Dockerfile")
    with mounted(options.folder):
        for instruction, argument in instructions: build.step(instruction, argument)
        if build.user == "root": sys.exit("the image would run as root")
        command = json.loads(dict(instructions)["CMD"])[0]
        build.run(f"test -x {command} && dvb_train --help > /dev/null && echo the commands run as $(id -un)")
        if options.test: build.run("make test")


if __name__ == "__main__": main()
