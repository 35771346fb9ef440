"""What happens when a file is damaged or made to deceive: mutations of every format that dv_bench reads

Small files of each format are made from a simulated sample. Each mutation changes one file: bits, lengths,
blocks, extreme numbers, values of another type. The file is then read in a process of its own, as the
commands read it. In the second round of a format, its checksums are computed again after the change, as
someone would who means to deceive.

An outcome is one of these: an error of one line; the same result as before; another result, where nothing
protects the file (another text is another input), or where its checksums were made right; a silent change,
where a checksum should have found it; a traceback; a crash; a hang. The last four are faults, and the program
then ends with exit code 1.

Usage: python benchmarks/fuzz.py [--mutations 400] [--seed 0] [--jobs 2] [--only BAM] [--keep FOLDER]
           [--out FILE.md]
"""
import argparse
import hashlib
import json
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
import zipfile
import zlib
from collections import Counter
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import numpy as np
import yaml
from fuzz_inputs import Format, formats_in, gzipped, make_inputs

from dv_bench.core import error_line, package_versions
from dv_bench.dataset.records import masked_crc
from dv_bench.manifest import manifest_name, write_manifest

faults = ("silent change", "traceback", "crash", "hang")
outcomes = ("error", "same result", "other result", *faults)
more_memory = 4 << 30 # bytes that a reader may use
text_numbers = (
    b"-1", b"0", b"4294967296", b"99999999999999999999", b"1e400", b"nan", b"", b"\t", b"<b>", b"\xff")
json_values = (None, [], {}, "<b>", -1, 0.5, 2**70, 1e308, [[]], True, "x"*5000)


# Mutations: each takes bytes and a random number generator, and returns other bytes

def flip(data: bytes, rng: random.Random) -> bytes:
    "One to four bits."
    changed = bytearray(data)
    for _ in range(rng.randint(1, 4)): changed[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def truncate(data: bytes, rng: random.Random) -> bytes: return data[:rng.randrange(len(data))]


def insert(data: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(data)+1)
    return data[:at]+rng.randbytes(rng.randint(1, 40))+data[at:]


def remove(data: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(data))
    return data[:at]+data[at+rng.randint(1, 40):]


def duplicate(data: bytes, rng: random.Random) -> bytes:
    "A block stands twice."
    start = rng.randrange(len(data))
    end = start+rng.randint(1, max(1, len(data)//4))
    return data[:end]+data[start:end]+data[end:]


def extreme_number(data: bytes, rng: random.Random) -> bytes:
    "An extreme number of 1 to 8 bytes."
    size = min(rng.choice((1, 2, 4, 8)), len(data))
    at = rng.randrange(len(data)-size+1)
    values = (0, 1, 2**(8*size)-1, 2**(8*size-1), 2**(8*size-1)-1, 2**(4*size))
    return data[:at]+rng.choice(values).to_bytes(size, rng.choice(("little", "big")))+data[at+size:]


def extreme_text(data: bytes, rng: random.Random) -> bytes:
    "A word becomes a number that no field expects."
    words = data.replace(b"\n", b" \n ").split(b" ") if b"\t" not in data else data.split(b"\t")
    words[rng.randrange(len(words))] = rng.choice(text_numbers)
    return (b" " if b"\t" not in data else b"\t").join(words)


def places(value, path=()):
    "The paths of all values in a JSON document."
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items: yield from places(inner, (*path, key))


def other_value(data: bytes, rng: random.Random) -> bytes:
    "A value of a JSON document is replaced or left out."
    return json.dumps(with_other_value(json.loads(data), rng)).encode()


def other_yaml_value(data: bytes, rng: random.Random) -> bytes:
    "A value of a YAML document is replaced or left out, or a value refers to another."
    if rng.random() < .1: return data.replace(b": ", b": &x ", 1)+b"\nextra: [*x, *x]\n"
    return yaml.safe_dump(with_other_value(yaml.safe_load(data), rng), sort_keys=False).encode()


def with_other_value(content, rng: random.Random):
    "A document in which one value is another or missing."
    document = {"all": content}
    path = rng.choice([p for p in places(document) if p])
    holder = document
    for key in path[:-1]: holder = holder[key]
    if len(path) > 1 and rng.random() < .2: del holder[path[-1]]
    else: holder[path[-1]] = rng.choice(json_values)
    return document["all"]


in_place = (flip, extreme_number)
of_any = (*in_place, truncate, insert, remove, duplicate)
mutations = {
    "bytes": of_any,
    "text": (*of_any, extreme_text, extreme_text),
    "json": (*of_any, *[other_value]*6),
    "yaml": (*of_any, extreme_text, *[other_yaml_value]*6),
}


# Checksums made right after a mutation

def mutate_bgzf(data: bytes, rng: random.Random) -> bytes:
    "Change the data in one block of a BGZF file whose blocks are stored, and its checksum."
    starts, at = [], 0
    while at < len(data):
        starts.append(at)
        at += int.from_bytes(data[at+16:at+18], "little")+1
    start = rng.choice(starts[:-1])
    size = int.from_bytes(data[start+16:start+18], "little")+1
    inside = rng.choice(in_place)(data[start+23:start+size-8], rng)
    crc = zlib.crc32(inside).to_bytes(4, "little")
    return data[:start+23]+inside+crc+data[start+size-4:]


def mutate_gzip(data: bytes, rng: random.Random) -> bytes:
    "Change what a gzip file holds."
    return gzipped(rng.choice(of_any)(zlib.decompress(data, 31), rng))


def mutate_record(data: bytes, rng: random.Random) -> bytes:
    "Change the length or the data of a record of a TFRecord file, and its checksums."
    starts, at = [], 0
    while at < len(data):
        starts.append(at)
        at += int.from_bytes(data[at:at+8], "little")+16
    start = rng.choice(starts)
    end = start+12+int.from_bytes(data[start:start+8], "little")
    inside = rng.choice(of_any)(data[start+12:end], rng)
    length = len(inside).to_bytes(8, "little")
    if rng.random() < .1: length = rng.choice((2**20, 2**40, 2**63, 2**64-1)).to_bytes(8, "little")
    crcs = [masked_crc(part).to_bytes(4, "little") for part in (length, inside)]
    return data[:start]+length+crcs[0]+inside+crcs[1]+data[end+4:]


def mutate_gzipped_record(data: bytes, rng: random.Random) -> bytes:
    "Change a record of a compressed TFRecord file, and all checksums."
    return gzipped(mutate_record(zlib.decompress(data, 31), rng))


def mutate_png(data: bytes, rng: random.Random) -> bytes:
    "Change a chunk of a PNG and its checksum."
    chunks, at = [], 8
    while at < len(data):
        size = int.from_bytes(data[at:at+4], "big")
        chunks.append([data[at+4:at+8], data[at+8:at+8+size]])
        at += size+12
    chunk = rng.choice([c for c in chunks if c[1]])
    chunk[1] = rng.choice(of_any)(chunk[1], rng)
    pieces = []
    for name, body in chunks:
        checksum = zlib.crc32(name+body).to_bytes(4, "big")
        pieces.append(len(body).to_bytes(4, "big")+name+body+checksum)
    return data[:8]+b"".join(pieces)


def mutate_zip(data: bytes, rng: random.Random) -> bytes:
    "Change a file in a zip archive."
    with zipfile.ZipFile(BytesIO(data)) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    name = rng.choice(list(files))
    part = min(len(files[name]), rng.choice((130, len(files[name])))) # the header of an array, or all of it
    files[name] = rng.choice(of_any)(files[name][:part], rng)+files[name][part:]
    out = BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in files.items(): archive.writestr(name, content)
    return out.getvalue()


repairs = {"bgzf": mutate_bgzf, "gzip": mutate_gzip, "crc32c": mutate_record,
           "gzip of crc32c": mutate_gzipped_record, "png": mutate_png, "zip": mutate_zip}


def changed_bytes(form: Format, data: bytes, repaired: bool, rng: random.Random) -> bytes:
    "Other content of a file."
    mutate = repairs[form.repair] if repaired and form.repair else rng.choice(mutations[form.kind])
    return mutate(data, rng)


# Reading in a process of its own

def canonical(value) -> str:
    "A text that is equal for equal results."
    if isinstance(value, dict): return repr([(str(key), canonical(inner)) for key, inner in value.items()])
    if isinstance(value, (list, tuple)): return repr([canonical(inner) for inner in value])
    if hasattr(value, "detach"): value = value.detach().numpy()
    if isinstance(value, np.ndarray):
        return f"{value.dtype} {value.shape} {hashlib.sha256(value.tobytes()).hexdigest()}"
    return repr(value)


def last_lines(error: BaseException) -> str:
    "Where an error was raised, and the error."
    frames = [f for f in traceback.extract_tb(error.__traceback__) if "dv_bench" in f.filename]
    where = f"{Path(frames[-1].filename).name}:{frames[-1].lineno} {frames[-1].name}" if frames else ""
    return f"{where}: {type(error).__name__}: {str(error)[:150]}"


def answer(form: Format, folder: Path) -> tuple[str, str]:
    "Outcome of reading, and the hash of the result or the error."
    try:
        result = canonical(form.read(folder))
    except MemoryError as e: return "traceback", last_lines(e)
    except Exception as e:
        line = error_line(e)
        if not line or "\n" in line or "not enough memory" in line: return "traceback", last_lines(e)
        return "error", line
    return "result", hashlib.sha256(result.encode()).hexdigest()


def limit_memory():
    "An allocation of several GiB fails, where a number in a file asks for it."
    used = int(Path("/proc/self/statm").read_text().split()[0])*resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used+more_memory, used+more_memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def read_and_report(form: Format, folder: Path, pipe: int):
    "The child's work: read, and write the outcome to a pipe."
    silent = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2): os.dup2(silent, stream)
    limit_memory()
    os.write(pipe, json.dumps(answer(form, folder)).encode()[:4000])
    os._exit(0)


def wait_for(child: int, seconds: float) -> int | None:
    "Exit status of a process; None where it had to be killed."
    until = time.monotonic()+seconds
    while time.monotonic() < until:
        done, status = os.waitpid(child, os.WNOHANG)
        if done: return status
        time.sleep(.002)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


def read_apart(form: Format, folder: Path, seconds: float) -> tuple[str, str]:
    "Read in a child process, so that a crash or a hang does not end this one."
    receive, send = os.pipe()
    child = os.fork()
    if not child:
        try: read_and_report(form, folder, send)
        finally: os._exit(3)
    os.close(send)
    status = wait_for(child, seconds)
    with os.fdopen(receive, "rb") as pipe: said = pipe.read()
    if status is None: return "hang", f"no answer in {seconds:g} s"
    if status or not said: return "crash", f"exit status {os.waitstatus_to_exitcode(status)}"
    return tuple(json.loads(said))


# One format

class Finding(NamedTuple):
    "What a mutation led to."
    format: str
    repaired: bool
    number: int
    outcome: str
    detail: str


def ends_between_records(form: Format, data: bytes, changed: bytes) -> bool:
    "Was a TFRecord file cut between two records? Nothing in the format says how many there are."
    if form.repair != "crc32c" or not data.startswith(changed): return False
    at = 0
    while at < len(changed): at += int.from_bytes(changed[at:at+8], "little")+16
    return at == len(changed)


def outcome_of(is_noticed: bool, before: str, answered: tuple[str, str]) -> str:
    "Which of `outcomes` an answer is. `is_noticed`: a checksum should have found the change."
    kind, detail = answered
    if kind != "result": return kind
    if detail == before: return "same result"
    return "silent change" if is_noticed else "other result"


def write_mutation(form: Format, path: Path, data: bytes, repaired: bool, rng: random.Random):
    "Write a changed file, as old as it was, and its manifest where that is to be right."
    times = path.stat()
    path.write_bytes(data)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    if repaired and form.in_manifest:
        names = json.loads((path.parent/manifest_name).read_text())["files"]
        write_manifest(path.parent, list(names))


def has_repaired_round(form: Format) -> bool: return bool(form.repair or form.in_manifest)


def keep_file(data: bytes, finding: Finding, folder: str):
    "Write a changed file that led to a fault into a folder."
    Path(folder).mkdir(parents=True, exist_ok=True)
    name = f"{finding.format} {finding.number}".replace(",", "").replace(" ", "_")
    (Path(folder)/name).write_bytes(data)


def fuzz(form: Format, folder: Path, seed: int, n: int, seconds: float, keep: str):
    "All mutations of one format."
    path = folder/form.file
    data = path.read_bytes()
    manifest = path.parent/manifest_name
    listed = manifest.read_bytes() if form.in_manifest else b""
    kind, before = read_apart(form, folder, 10*seconds)
    if kind != "result": raise SystemExit(f"{form.name}: cannot be read before it is changed: {before}")
    for number in range(n):
        repaired = has_repaired_round(form) and number % 2 == 1
        rng = random.Random(f"{seed} {form.name} {number}")
        changed = changed_bytes(form, data, repaired, rng)
        write_mutation(form, path, changed, repaired, rng)
        answered = read_apart(form, folder, seconds)
        is_noticed = form.is_protected and not repaired and not ends_between_records(form, data, changed)
        finding = Finding(form.name, repaired, number, outcome_of(is_noticed, before, answered), answered[1])
        if keep and finding.outcome in faults: keep_file(changed, finding, keep)
        yield finding
        write_mutation(form, path, data, False, rng)
        if listed: manifest.write_bytes(listed)


def work(forms: list[Format], inputs: Path, folder: Path, a):
    "Fuzz some formats on a copy of the files; findings go to a file."
    shutil.copytree(inputs, folder)
    with open(f"{folder}.jsonl", "w") as out:
        for form in forms:
            findings = fuzz(form, folder, a.seed, a.mutations, a.seconds, a.keep)
            for finding in findings: print(json.dumps(finding), file=out, flush=True)


def work_in_children(forms: list[Format], inputs: Path, folder: Path, a) -> list[Finding]:
    "Share the formats among `--jobs` processes."
    children = []
    for number in range(a.jobs):
        child = os.fork()
        if not child:
            status = 1
            try:
                work(forms[number::a.jobs], inputs, folder/f"work{number}", a)
                status = 0
            except BaseException: traceback.print_exc()
            finally: os._exit(status)
        children.append(child)
    if any([os.waitpid(child, 0)[1] for child in children]): raise SystemExit("a worker failed")
    lines = [line for file in sorted(folder.glob("*.jsonl")) for line in file.read_text().splitlines()]
    return [Finding(*json.loads(line)) for line in lines]


# The table

def table(forms: list[Format], findings: list[Finding]) -> str:
    "Counts of each outcome by format."
    lines = [f"| format | checksums | mutations | {' | '.join(outcomes)} |", "|---"*(3+len(outcomes))+"|"]
    for form in forms:
        for repaired in (False, True)[:1+has_repaired_round(form)]:
            counts = Counter(f.outcome for f in findings if f.format == form.name and f.repaired == repaired)
            checksums = "made right" if repaired else "as they were" if form.is_protected else "none"
            cells = [form.name, checksums, counts.total(), *(counts[outcome] for outcome in outcomes)]
            lines.append("| "+" | ".join(map(str, cells))+" |")
    counts = Counter(f.outcome for f in findings)
    lines.append("| "+" | ".join(map(str, ["all", "", len(findings), *(counts[o] for o in outcomes)]))+" |")
    return "\n".join(lines)


explanation = """Each mutation changes one file: bits, truncation, inserted, removed and repeated bytes,
extreme numbers, JSON and YAML values of another type. "none": the format has no checksum, so other bytes are
another input. "made right": checksums and manifest were computed again after the change. "silent change":
another result where a checksum should have found the change. A TFRecord file that was cut between two
records is another file, since the format does not say how many records there are.
"""


def unprotected(forms: list[Format]) -> list[str]:
    "Why some formats have no checksum."
    reasons = {}
    for form in forms:
        if not form.is_protected: reasons.setdefault(form.why_unprotected, []).append(form.name)
    return [f"- {', '.join(names)}: {reason}." for reason, names in reasons.items()]


def report(forms: list[Format], findings: list[Finding], a) -> str:
    "The page with the table."
    command = f"python benchmarks/fuzz.py --mutations {a.mutations} --seed {a.seed}"
    packages = (
        "pysam", "numpy", "pandas", "pyarrow", "blosc2", "safetensors", "pillow", "pyyaml", "jsonschema")
    versions = ", ".join(f"{name} {version}" for name, version in package_versions(packages).items())
    lines = [
        "# Damaged files", "",
        explanation,
        table(forms, findings), "",
        "Formats without a checksum:", "",
        *unprotected(forms), "",
        f"Made with `{command}` on {time.strftime('%Y-%m-%d')}; {versions}.",
    ]
    return "\n".join(lines)+"\n"


def options():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mutations", type=int, default=400, help="of each format")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=60., help="without an answer: a hang")
    parser.add_argument("--only", nargs="*", default=[], help="formats")
    parser.add_argument("--inputs", default="", help="folder for the files; made where it is not there")
    parser.add_argument("--keep", default="", help="folder for the changed files that led to a fault")
    parser.add_argument("--out", default="", help="Markdown file for the table")
    return parser.parse_args()


def main():
    a = options()
    with tempfile.TemporaryDirectory() as d:
        inputs = Path(a.inputs or f"{d}/inputs")
        if not inputs.exists(): make_inputs(inputs)
        forms = formats_in(inputs)
        forms[0].read(inputs) # loads compiled functions and modules, once for all processes
        forms = [form for form in forms if not a.only or form.name in a.only]
        findings = work_in_children(forms, inputs, Path(d), a)
    found = [f for f in findings if f.outcome in faults]
    text = report(forms, findings, a)
    print(text)
    for f in found:
        repaired = ", repaired" if f.repaired else ""
        print(f"{f.outcome}: {f.format}, mutation {f.number}{repaired}: {f.detail}")
    if a.out:
        Path(a.out).parent.mkdir(parents=True, exist_ok=True)
        Path(a.out).write_text(text)
    if found: sys.exit(1)


if __name__ == "__main__": main()
