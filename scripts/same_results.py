"""Does a checkout give the same results as before, byte for byte?

Runs the commands of CHECKOUT in a temporary folder: datasets, trainings, VCF files, scores and reports.
Prints a TSV of names and values; a value is a SHA-256 or an id. The name says where a value is the same:

    examples/...          on every x86-64 machine
    machine:runs/...      on one machine with one environment: trained networks, exact floats, packed files
    prose:planted/...     until a text or a figure is changed on purpose (also machine:prose:...)

With --expected, prints the names whose values differ and exits with 1 if there are any. A part that fails
is named on standard error; its values are missing, and the exit code is 1.

Usage: python same_results.py CHECKOUT [--out TSV] [--expected TSV] [--bin FOLDER] [--keep FOLDER]
                              [--portable] [--reworded]

CHECKOUT/.venv/bin (or --bin) is the environment; the package is always that of CHECKOUT. --keep FOLDER
keeps the hashed texts and files in FOLDER/values, so that `diff -r` of two such folders shows what has
changed, and the times of all commands in FOLDER/commands.log. --portable makes only the values that are the
same on every machine. With --reworded, changes of prose: values are printed but do not fail.
"""
import argparse
import configparser
import csv
import gzip
import hashlib
import io
import itertools
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from html.parser import HTMLParser
from pathlib import Path

# Any Python can start this file, which then continues with the environment's Python. dv_bench and the
# environment's packages are therefore imported where they are used.

commands = ("dvb_import", "dvb_export", "dvb_subset", "dvb_merge", "dvb_verify", "dvb_examples",
            "dvb_simulate", "dvb_profile", "dvb_train", "dvb_summary", "dvb_call", "dvb_score")


# The environment and the commands

class Bench:
    "The checkout under test, the folder for its files, and the values collected so far."
    def __init__(self, checkout: Path, folder: Path, portable: bool):
        self.checkout = checkout
        self.folder = folder
        self.portable = portable
        self.shared = checkout.parent/"shared"/"data"
        self.modules = console_scripts(checkout)
        self.values = {}
        self.left_out = []
        self.failed = []

    def add_id(self, name: str, value: str):
        "Record a value as it is."
        if name in self.values:
            raise ValueError(f"the name {name} is used twice")
        if self.portable and name.startswith("machine:"):
            return
        self.values[name] = value

    def add(self, name: str, data: str | bytes):
        "Record the hash of text or bytes, and keep these for a comparison."
        data = data.encode() if isinstance(data, str) else data
        self.add_id(name, hashlib.sha256(data).hexdigest())
        path = self.folder/"values"/name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    def run(self, command: str, *arguments) -> str:
        "What a command prints. Raises RuntimeError with the end of its messages when it fails."
        module, function = self.modules[command]
        code = f"import sys; sys.argv[0] = {command!r}; from {module} import {function}; {function}()"
        begin = time.monotonic()
        finished = subprocess.run([sys.executable, "-c", code, *map(str, arguments)], cwd=self.checkout,
                                  stdin=subprocess.DEVNULL, capture_output=True, text=True)
        with open(self.folder/"commands.log", "a") as log:
            log.write(f"{time.monotonic()-begin:6.1f} s {command} {' '.join(map(str, arguments))}\n")
        if finished.returncode:
            message = (finished.stderr or finished.stdout).strip()[-1500:]
            raise RuntimeError(f"{command} {' '.join(map(str, arguments))}: {message}")
        return finished.stdout.replace(str(self.folder), "FOLDER")


def console_scripts(checkout: Path) -> dict[str, tuple[str, str]]:
    "Module and function of every command, as the checkout's settings.ini names them."
    settings = configparser.ConfigParser(delimiters=["="], interpolation=None)
    settings.read(checkout/"settings.ini")
    lines = settings["DEFAULT"]["console_scripts"].split()
    return {line.split("=")[0]: tuple(line.split("=")[1].split(":")) for line in lines}


def hand_over(checkout: Path, bin_folder: Path):
    "Start this file again with the environment's Python, the checkout's package, one thread, no GPU."
    python = bin_folder/"python"
    if not python.exists():
        sys.exit(f"{python} does not exist; build the environment, or name the folder of another with --bin")
    threads = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
    environment = os.environ | dict.fromkeys(threads, "1") | {
        "SAME_RESULTS": "started", "PYTHONPATH": str(checkout), "PYTHONDONTWRITEBYTECODE": "1",
        "PATH": f"{bin_folder}:{os.environ['PATH']}", "CUDA_VISIBLE_DEVICES": "", "COLUMNS": "120"}
    os.nice(10)
    os.execve(python, [str(python), *sys.argv], environment)


def check_package(checkout: Path):
    "Stop if Python imports the package of another checkout."
    import dv_bench
    package = Path(dv_bench.__file__).resolve()
    if not package.is_relative_to(checkout):
        sys.exit(f"the package is imported from {package}, expected from {checkout}")


# Files and tables as text

def flattened(value, path: str = ""):
    "Pairs of a dotted key and a value, from nested dictionaries."
    if not isinstance(value, dict) or not value:
        yield path, value
        return
    for key in sorted(value):
        yield from flattened(value[key], f"{path}.{key}" if path else key)


unstable_keys = re.compile(r"(^|\.)(path|data|test_data|outputs|made|commit|machine)$|seconds?$|memory_bytes$"
                           r"|(^|\.)versions\.")


def json_lines(record: dict) -> str:
    "A line for each value of a record, without dates, seconds, rates, memory, paths and versions."
    kept = [(key, value) for key, value in flattened(record) if not unstable_keys.search(key)]
    return "".join(f"{key} = {json.dumps(value)}\n" for key, value in kept)


def frame_text(frame) -> str:
    "A table's column types and, as CSV with all digits, its values."
    types = ",".join(f"{name}:{kind}" for name, kind in frame.dtypes.items())
    return types+"\n"+frame.to_csv(index=False)


def arrays_text(path: Path) -> str:
    "Name, type, shape and hash of each array of an npz file."
    import numpy as np
    lines = []
    with np.load(path) as arrays:
        for name, values in arrays.items():
            digest = hashlib.sha256(values.tobytes()).hexdigest()
            lines.append(f"{name} {values.dtype} {values.shape} {digest}\n")
    return "".join(lines)


def without_columns(text: str, pattern: str) -> str:
    "CSV without the columns whose names match a pattern."
    rows = list(csv.reader(io.StringIO(text)))
    kept = [i for i, name in enumerate(rows[0]) if not re.search(pattern, name)]
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([row[i] for i in kept] for row in rows)
    return out.getvalue()


def rounded(text: str) -> str:
    "CSV whose floats have six digits, so that the last bits of another processor do not matter."
    def short(cell):
        if not re.fullmatch(r"-?\d+\.?\d*(e[-+]?\d+)?", cell):
            return cell
        return f"{float(cell):.6g}"
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([map(short, row) for row in csv.reader(io.StringIO(text))])
    return out.getvalue()


def vcf_text(path: Path) -> str:
    "A VCF without the header lines that hold a date, a version, a command or a path."
    volatile = re.compile(r"##(fileDate|source|reference|cmd\w*|command\w*|\w*[Vv]ersion\w*)=")
    lines = gzip.decompress(path.read_bytes()).decode().splitlines(keepends=True)
    return "".join(line for line in lines if not volatile.match(line))


class Page(HTMLParser):
    "The verdict's sentences, the text and the figures of a report."
    void = {"meta", "link", "br", "hr", "img", "input", "wbr"}

    def __init__(self, html: str):
        super().__init__()
        self.open = []  # (tag, id) of the elements around
        self.sentences = []
        self.text = []
        self.figures = []
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        if tag in self.void:
            return
        self.open.append((tag, dict(attributes).get("id") or ""))
        if tag == "p" and self.inside("verdict"):
            self.sentences.append("")

    def handle_endtag(self, tag):
        while any(name == tag for name, _ in self.open):
            if self.open.pop()[0] == tag:
                return

    def handle_data(self, data):
        tag, name = self.open[-1] if self.open else ("", "")
        if tag == "script" and name.startswith("json-"):
            self.figures.append(f"{name} {data}")
        elif tag not in ("script", "style") and data.strip():
            self.text.append(" ".join(data.split()))
            if self.inside("verdict"):
                self.sentences[-1] += data

    def inside(self, name: str) -> bool:
        return any(name == found for _, found in self.open)


# Values of what the commands write

def add_file(bench: Bench, name: str, path: Path):
    "A file's bytes. For a compressed file, whose bytes depend on a library, also its unpacked content."
    data = path.read_bytes()
    compressed = path.suffix in (".gz", ".bam")
    if compressed:
        bench.add(f"{name} (unpacked)", gzip.decompress(data))
    depends = compressed or path.suffix in (".bai", ".tbi", ".gzi")
    bench.add("machine:"*depends+name, data)


def add_dataset(bench: Bench, name: str, folder: Path):
    "A dataset's fingerprint, its images' hashes and its files."
    from dv_bench.dataset import PileupDataset
    dataset = PileupDataset(folder)
    info = json.loads((folder/"dataset.json").read_text())
    code = info.pop("code")
    bench.add_id(f"{name} fingerprint", info["fingerprint"])
    bench.add(f"{name} images", "".join(f"{digest}\n" for digest in dataset.index.digest))
    bench.add(f"machine:{name} dataset.json", json_lines(info | {"code": sorted(code)}))
    bench.add(f"machine:{name} images.b2nd", (folder/"images.b2nd").read_bytes())


def add_simulation(bench: Bench, name: str, folder: Path):
    "All files of a simulated sample."
    for path in sorted(folder.iterdir()):
        if path.name == "simulation.json":
            bench.add(f"{name}/{path.name}", json_lines(json.loads(path.read_text())))
        else:
            add_file(bench, f"{name}/{path.name}", path)


def add_run(bench: Bench, name: str, folder: Path):
    "A run folder: predictions, learning curve, weights, gallery, record."
    import pandas as pd
    record = json.loads((folder/"run.json").read_text())
    bench.add(f"{name} predictions", frame_text(pd.read_parquet(folder/"predictions.parquet")))
    bench.add(f"{name} history", without_columns((folder/"history.csv").read_text(), "^seconds$"))
    bench.add(f"{name} run.json keys", "".join(f"{key}\n" for key, _ in flattened(record)))
    bench.add(f"{name} run.json values", json_lines(record))
    if (folder/"gallery.npz").exists():
        bench.add(f"{name} gallery", arrays_text(folder/"gallery.npz"))
    if (folder/"model.safetensors").exists():
        bench.add(f"{name} weights", (folder/"model.safetensors").read_bytes())


def add_experiment(bench: Bench, name: str, folder: Path):
    "All run folders of an experiment, and its searches."
    for path in sorted(folder.glob("*/fold*_seed*")):
        add_run(bench, f"{name}/{path.parent.name}/{path.name}", path)
    for path in sorted(folder.glob("*/tuning_fold*.json")):
        bench.add(f"{name}/{path.parent.name}/{path.name}", json_lines(json.loads(path.read_text())))


def add_call(bench: Bench, name: str, *options, prefix: str = "machine:"):
    "A VCF, the calls as CallVariantsOutput, and what was printed, without the seconds."
    files = bench.folder/"calls"/re.sub(r"\W+", "_", name)
    printed = bench.run("dvb_call", f"{files}.vcf.gz", "--cvo", f"{files}.cvo.tfrecord", *options)
    kept = [line for line in printed.splitlines(keepends=True) if not line.startswith("seconds:")]
    bench.add(f"{prefix}calls/{name} vcf", vcf_text(Path(f"{files}.vcf.gz")))
    bench.add(f"machine:calls/{name} cvo", Path(f"{files}.cvo.tfrecord").read_bytes())
    bench.add(f"machine:prose:calls/{name} printed", "".join(kept))


def add_score(bench: Bench, name: str, calls: Path, *options, prefix: str = ""):
    "Tables, annotated VCF and both printed forms of a score."
    files = bench.folder/"scores"/re.sub(r"\W+", "_", name)
    printed = bench.run("dvb_score", calls, *options, "--out", files)
    bench.add(f"{prefix}scores/{name} summary", Path(f"{files}.summary.csv").read_text())
    bench.add(f"{prefix}scores/{name} extended", Path(f"{files}.extended.csv").read_text())
    bench.add(f"{prefix}scores/{name} vcf", vcf_text(Path(f"{files}.vcf.gz")))
    bench.add(f"{prefix}prose:scores/{name} printed", printed)
    bench.add(f"{prefix}scores/{name} json", bench.run("dvb_score", calls, *options, "--json"))


def add_summary(bench: Bench, name: str, folder: Path, *options, portable: bool):
    "A report's tables without times and memory, the verdict's sentences, its text and figures."
    bench.run("dvb_summary", folder, "--no_images", *options)
    for path in sorted((folder/"tables").glob("*.csv")):
        table = path.read_text() if portable else without_columns(path.read_text(), "second|memory")
        bench.add(f"machine:{name}/tables/{path.stem} (all digits)", table)
        if portable:
            bench.add(f"{name}/tables/{path.stem}", rounded(table))
    page = Page((folder/"summary.html").read_text().replace(str(bench.folder), "FOLDER"))
    prefix = "" if portable else "machine:"
    for i, sentence in enumerate(page.sentences, 1):
        bench.add(f"{prefix}prose:{name}/verdict sentence {i}", sentence+"\n")
    if portable:  # the others show a commit and rates
        bench.add(f"prose:{name}/text", "\n".join(page.text)+"\n")
        bench.add(f"machine:prose:{name}/figures", "\n".join(page.figures)+"\n")


# The parts that do not depend on the machine

def simulations(bench: Bench):
    "A sample of a made genome, a profile counted on its reads, two more samples of this genome."
    first, other, part = (bench.folder/name for name in ("sim", "other", "part"))
    profile = bench.folder/"profile.json"
    bench.run("dvb_simulate", first, "--mb", .3, "--coverage", 25, "--read_length", 148, "--seed", 11,
              "--platform", "hiseq148")
    bench.run("dvb_profile", profile, first/"reads.bam", first/"reference.fasta")
    bench.add("simulations/profile", profile.read_text())
    on_first = ["--ref", first/"reference.fasta", "--platform", profile]
    bench.run("dvb_simulate", other, "--mb", .3, "--coverage", 15, "--coverage_to", 40, "--seed", 12,
              "--sample", "OTHER", "--read_length", 125, "--insert_size", 400, "--variant_rate", .002,
              "--jobs", 2, *on_first)
    bench.run("dvb_simulate", part, "--mb", .05, "--region", "sim1:100001-150000", *on_first)
    for folder in (first, other, part):
        add_simulation(bench, f"simulations/{folder.name}", folder)


def reads_of(folder: Path, labels: bool = True) -> list:
    "Options of dvb_examples for a simulated sample."
    options = ["--reads", folder/"reads.bam", "--ref", folder/"reference.fasta"]
    if not labels:
        return options
    return [*options, "--truth", folder/"truth.vcf.gz", "--confident", folder/"confident.bed"]


def examples(bench: Bench):
    "Images of the simulated reads: default, not realigned, small ones to train on, unusual options."
    first, other = bench.folder/"sim", bench.folder/"other"
    small = ["--height", 40, "--width", 51, "--jobs", 2]
    unusual = ["--downsample", .6, "--seed", 3, "--labeler", "positional", "--source", "thinned",
               "--channels", "strand,read_base,insert_size,base_quality", "--region", "sim1:50,001-200,000"]
    options_of = {
        "realigned": reads_of(first),
        "plain": [*reads_of(first, labels=False), "--no_realign"],
        "small": [*reads_of(first), *small],
        "other": [*reads_of(other), *small],
        "unusual": [*reads_of(first), *unusual],
    }
    for name, options in options_of.items():
        bench.run("dvb_examples", bench.folder/"data"/name, *options)
        add_dataset(bench, f"examples/{name}", bench.folder/"data"/name)


def examples_of_cram(bench: Bench):
    "The same reads as CRAM."
    import pysam
    bam, reference = (str(bench.folder/"sim"/name) for name in ("reads.bam", "reference.fasta"))
    cram = str(bench.folder/"reads.cram")
    dataset = bench.folder/"data"/"cram"
    pysam.view("-C", "-T", reference, "-o", cram, bam, catch_stdout=False)
    pysam.index(cram)
    bench.run("dvb_examples", dataset, "--reads", cram, "--ref", reference, "--no_realign")
    description = json.loads((dataset/"dataset.json").read_text())
    bench.add_id("examples/cram fingerprint", description["fingerprint"])


def golden(bench: Bench):
    "DeepVariant's golden examples, imported, and the same images drawn from the reads."
    source = bench.shared/"na12878"
    tfrecord = source/"deepvariant_training_examples.tfrecord.gz"
    if not tfrecord.exists():
        return leave_out(bench, "golden/", tfrecord)
    reads = ["--reads", source/"reads.bam", "--ref", bench.shared/"reference"/"hg19.chr20.fasta.gz",
             "--region", "chr20:10,000,000-10,010,000"]
    labels = ["--truth", source/"truth.vcf.gz", "--confident", source/"confident.bed"]
    folder = bench.folder/"golden"
    bench.run("dvb_import", folder/"imported", "--tfrecord", tfrecord)
    bench.run("dvb_examples", folder/"drawn", *reads, *labels)
    bench.run("dvb_examples", folder/"drawn without truth", *reads)
    for path in sorted(folder.iterdir()):
        add_dataset(bench, f"golden/{path.name}", path)


def other_real_data(bench: Bench):
    "Reads of HG002, other golden files of DeepVariant, hap.py's pairs."
    reads, pairs = bench.shared/"hg002", bench.shared/"scoring"
    if not reads.exists() or not pairs.exists():
        return leave_out(bench, "real/", bench.shared)
    confident, reference = reads/"confident.bed", bench.shared/"reference"/"hg19.chr20.fasta.gz"
    bench.run("dvb_examples", bench.folder/"hg002", "--reads", reads/"reads.bam", "--ref", reference,
              "--bed", confident, "--truth", reads/"truth.vcf.gz", "--confident", confident)
    add_dataset(bench, "real/hg002", bench.folder/"hg002")
    for name in ("v1.5.golden.training_examples", "golden.alt_aligned_pileup_diff_channels_examples"):
        tfrecord = bench.shared/"deepvariant_goldens"/f"{name}.tfrecord.gz"
        bench.run("dvb_import", bench.folder/name, "--tfrecord", tfrecord)
        add_dataset(bench, f"real/{name}", bench.folder/name)
    for calls in ("haploid/query.vcf", "snp_counting/query.vcf", "snp_counting/query2.vcf"):
        truth = (pairs/calls).with_name("truth.vcf")
        options = ["--truth", truth, "--ref", truth.with_name("test.fa"), "--json"]
        bench.add(f"real/scores/{calls}", bench.run("dvb_score", pairs/calls, *options))


def leave_out(bench: Bench, names: str, path: Path):
    "Report on standard error that some values cannot be made here."
    print(f"{names}: left out, because {path} does not exist", file=sys.stderr)
    bench.left_out.append(names)


def made_index():
    "Labelled sites on 22 chromosomes, of two samples."
    import pandas as pd
    rows = []
    for i in range(22*45):
        pos0, sample = 1000+(i % 45)*(5000+i), "AB"[i % 3 == 0]
        rows.append((f"chr{1+i//45}", pos0, "ACGT"[i % 4], sample, i*i % 3, f"made {i}"))
    columns = ["chrom", "pos0", "ref", "sample", "label", "example"]
    return pd.DataFrame(rows, columns=columns).astype({"label": "Int8"})


def splits(bench: Bench):
    "Split ids and what a run records of its split, for modes, folds and seeds."
    from dv_bench.dataset import PileupDataset, make_split
    simulated, made = PileupDataset(bench.folder/"data"/"realigned").index, made_index()
    for mode, folds, seed in itertools.product(("kfold", "random"), (2, 3, 5), (0, 1)):
        name = f"{mode} {folds} folds, seed {seed}"
        add_split(bench, f"simulated {name}", make_split(simulated, mode, folds=folds, seed=seed))
        add_split(bench, f"made {name}", make_split(made, mode, folds=folds, seed=seed))
    add_split(bench, "wide images", make_split(simulated, folds=3, tune_fraction=.3, width=1001))
    add_split(bench, "large tune role", make_split(made, folds=4, tune_fraction=.2))
    for roles in ("deepvariant", "bgiseq", "train=chr1,chr2:1-150000 tune=chr21 test=chr20,sample:B"):
        add_split(bench, f"fixed {roles}", make_split(made, "fixed", roles=roles))
    inside = "train=sim1:1-150000 tune=sim1:150001-200000 test=sim1:200001-300000"
    add_split(bench, f"fixed {inside}", make_split(simulated, "fixed", roles=inside))


def add_split(bench: Bench, name: str, split):
    "A split's id and its record of every fold."
    bench.add_id(f"splits/{name} id", split.split_id)
    records = [split.record(fold) for fold in range(split.n_folds)]
    bench.add(f"splits/{name} record", json.dumps([split.level, *records], sort_keys=True, indent=1))


def exported(bench: Bench):
    "A dataset written as TFRecord and PNG."
    from PIL import Image
    folder = bench.folder/"exchange"
    tfrecord, png = folder/"small.tfrecord", folder/"png"
    bench.run("dvb_export", bench.folder/"data"/"small", "--tfrecord", tfrecord, "--png", png)
    bench.add("exchange/tfrecord", tfrecord.read_bytes())
    bench.add("exchange/example_info.json", Path(f"{tfrecord}.example_info.json").read_text())
    bench.add("exchange/png list", (png/"examples.csv").read_text())
    files = sorted((png/"images").iterdir())
    pixels = [f"{f.name} {hashlib.sha256(Image.open(f).tobytes()).hexdigest()}\n" for f in files]
    bench.add("exchange/png pixels", "".join(pixels))
    bench.add("machine:exchange/png files", b"".join(f.read_bytes() for f in files))


def imported(bench: Bench):
    "The exported files read again."
    folder = bench.folder/"exchange"
    options = ["--sample", "SIMULATED", "--ref", bench.folder/"sim"/"reference.fasta"]
    sources = {"from tfrecord": ["--tfrecord", folder/"small.tfrecord", "--source", "again"],
               "from png": ["--png", folder/"png"/"examples.csv"]}
    for name, source in sources.items():
        bench.run("dvb_import", folder/name, *source, *options)
        add_dataset(bench, f"exchange/{name}", folder/name)


def parts(bench: Bench):
    "Parts of a dataset, and parts put together."
    data, folder = bench.folder/"data"/"small", bench.folder/"parts"
    snps = ["--query", 'variant_type == "SNP"', "--per_class", 15, "--seed", 4]
    bench.run("dvb_subset", data, folder/"indels", "--query", 'variant_type == "INDEL" and depth > 20')
    bench.run("dvb_subset", data, folder/"drawn", *snps)
    bench.run("dvb_merge", folder/"merged", folder/"drawn", bench.folder/"data"/"other", folder/"indels")
    bench.run("dvb_verify", folder/"merged")
    for name in ("indels", "drawn", "merged"):
        add_dataset(bench, f"parts/{name}", folder/name)


def changed_truth(bench: Bench) -> Path:
    "The simulated truth with missing records, other genotypes, alleles and filters, as a VCF of calls."
    lines = gzip.decompress((bench.folder/"sim"/"truth.vcf.gz").read_bytes()).decode().splitlines()
    header = [line for line in lines if line.startswith("#")]
    header.insert(1, '##FILTER=<ID=LowQual,Description="QUAL is under the limit">')
    records = [line.split("\t") for line in lines if not line.startswith("#")]
    kept = [changed(i, record) for i, record in enumerate(records) if i % 7 != 3]
    path = bench.folder/"changed.vcf"
    path.write_text("".join(f"{line}\n" for line in [*header, *kept]))
    return path


def changed(i: int, record: list[str]) -> str:
    "Record number i of a truth, changed by a rule that depends on i alone."
    contig, pos, name, ref, alt, _, _, info, form, genotype = record
    if i % 5 == 2:
        genotype = "1/1" if "0" in genotype else "0/1"
    if i % 9 == 4 and len(ref) == len(alt) == 1:
        alt = next(base for base in "ACGT" if base not in (ref, alt))
    passes = "LowQual" if i % 11 == 0 else "PASS"
    return "\t".join([contig, pos, name, ref, alt, str(i*37 % 61), passes, info, form, genotype])


def stratification(bench: Bench, name: str, regions: dict[str, str]) -> Path:
    "A TSV of region sets: name -> lines of a BED file."
    folder = bench.folder/"strata"/name
    folder.mkdir(parents=True)
    for region, text in regions.items():
        (folder/f"{region}.bed").write_text(text)
    (folder/"strata.tsv").write_text("".join(f"{region}\t{region}.bed\n" for region in regions))
    return folder/"strata.tsv"


def truth_of(folder: Path) -> list:
    "Options of dvb_score for a simulated sample."
    return ["--truth", folder/"truth.vcf.gz", "--ref", folder/"reference.fasta",
            "--confident", folder/"confident.bed"]


def scores(bench: Bench):
    "Scores of a changed truth, whole and in a region, with strata."
    calls, options = changed_truth(bench), truth_of(bench.folder/"sim")
    pieces = "sim1\t5\t7000\nsim1\t9000\t200000\n"
    strata = stratification(bench, "sim", {"early": "sim1\t0\t90000\n", "pieces": pieces})
    add_score(bench, "changed truth", calls, *options, "--stratification", strata)
    add_score(bench, "changed truth in a region", calls, *options[:4], "--region", "sim1:60,001-180,000")


planted_networks = {  # million weights, GMACs, training seconds; how it behaves
    "inception_v3": (23.8, 5.7, 900., {}),
    "resnet18": (11.7, 1.8, 300., {"shift": .5}),
    "resnet50": (25.6, 4.1, 700., {"shift": -1.2, "run_sd": .15}),
    "resnext101_32x8d": (88.8, 16.5, 2500., {"shift": -.4, "sharpness": 1.8}),
    "efficientnet_b0": (5.3, .4, 350., {"shift": .1, "log_weights": (.8, -.5, .2)}),
    "mobilenetv3_small_100": (2.5, .06, 90., {"shift": 1.2, "sharpness": .6}),
    "regnety_002": (3.2, .2, 120., {"shift": -.6, "speed": 1.}),
    "regnety_032": (19.4, 3.2, 650., {"shift": -.9})}


def planted_cost(millions: float, gmacs: float, seconds: float) -> dict:
    "The cost that a planted run reports."
    return {"parameters": int(millions*1e6), "gmacs": gmacs, "train_images_per_second": 900/gmacs,
            "inference_images_per_second": 3000/gmacs, "batch_size": 64, "device": "planted",
            "peak_memory_bytes": int(millions*3e7), "train_seconds": seconds, "epochs": 8}


def plant(folder: Path):
    "An experiment of ten classifiers whose differences are known, and one of a single network on few sites."
    from dv_bench.verdict.planted import Planted, plant_experiment
    archs = {"allele_fraction": Planted(shift=2.), "gradient_boosting": Planted(shift=1.5)}
    for arch, (*spent, how) in planted_networks.items():
        archs[arch] = Planted(cost=planted_cost(*spent), **how)
    plant_experiment(folder/"planted", archs, folds=2, seeds=5, n_sites=2000, seed=5, error_rate=.04)
    plant_experiment(folder/"alone", {"resnet18": archs["resnet18"]}, folds=1, seeds=1, n_sites=160, seed=6,
                     error_rate=.1, simulated=False, settings={"endpoint": "genotype_errors_indel"})


def planted(bench: Bench):
    "Reports and calls of the planted experiments."
    folder = bench.folder/"experiments"
    plant(folder)
    for arch in planted_networks:
        add_run(bench, f"machine:planted/runs/{arch}", folder/"planted"/arch/"fold1_seed3")
    add_summary(bench, "planted/declared", folder/"planted", portable=True)
    regions = {"early": "chr20\t0\t900000\n", "late": "chr21\t1300000\t2500000\n"}
    strata = stratification(bench, "planted", regions)
    add_summary(bench, "planted/other baseline", folder/"planted", "--baseline", "resnet50",
                "--stratification", strata, portable=True)
    add_summary(bench, "planted/alone", folder/"alone", portable=True)
    for arch in ("efficientnet_b0", "allele_fraction"):
        add_call(bench, f"planted {arch}", "--run", folder/"planted"/arch, "--predictions", prefix="")


def options_of_commands(bench: Bench):
    "The options of every command, and its help."
    for command in commands:
        help_text = bench.run(command, "--help")
        usage = help_text.split("\n\n")[0]
        bench.add(f"options/{command}", "\n".join(sorted(set(re.findall(r"--?[a-z]\w*", usage)))))
        bench.add(f"machine:prose:help/{command}", help_text)


# The parts that depend on the machine: training and what follows from it

def train(bench: Bench, experiment: str, archs: str, *options, data: tuple = ("small",), **settings):
    "Run dvb_train and record its run folders."
    outputs = bench.folder/"experiments"
    settings = {"workers": 0, "outputs": outputs} | settings
    given = [str(part) for key, value in settings.items() for part in ("-p", key, value)]
    folders = ",".join(str(bench.folder/"data"/name) for name in data)
    bench.run("dvb_train", *archs.split(), "--data", folders, "--experiment", experiment, *options, *given)
    add_experiment(bench, f"machine:runs/{experiment}", outputs/experiment)


def trainings(bench: Bench):
    "Four classifiers; then networks of other data."
    train(bench, "plain", "test_resnet allele_fraction gradient_boosting mobilenetv3_small_050", folds=2,
          epochs=3, lr=.003)
    train(bench, "two_folders", "test_resnet", data=("small", "other"), folds=2, fold=0, epochs=1,
          precision="bf16")
    other = bench.folder/"data"/"other"
    train(bench, "transfer", "test_resnet", epochs=2, test_data=other)


def recipes(bench: Bench):
    "One network with settings that are not the defaults."
    modern, thesis = (bench.checkout/"configs"/f"{name}.yaml" for name in ("modern", "thesis"))
    train(bench, "modern", "test_resnet", "--config", modern, folds=3, fold=0, seeds=2, resplit="true",
          epochs=2, batch_size=24, accumulate=2, ema=.9, drop_reads=.3, cap_depth=25, brightness=.2, rows=38,
          columns=41, drop_rate=.2, label_smoothing=.05, class_weights="balanced", sampling="balanced",
          tracker="none")
    train(bench, "thesis", "test_resnet", "--config", thesis, folds=3, fold=1, epochs=2, pad=64,
          batch_size=40, optimizer="sgd", seed=7, checkpoint_minutes=0)
    train(bench, "search", "test_resnet", "--tune_budget", 2, folds=2, fold=1, epochs=3, early_stopping=1,
          grad_checkpointing="true", drop_path_rate=.1)


def calls(bench: Bench):
    "Calls of a network and of a baseline: from held-out predictions, from images, from reads."
    other, runs = bench.folder/"other", bench.folder/"experiments"
    reads = ["--reads", other/"reads.bam", "--ref", other/"reference.fasta"]
    for arch in ("test_resnet", "allele_fraction"):
        run = ["--run", runs/"plain"/arch]
        add_call(bench, f"{arch} predictions", *run, "--predictions")
        add_call(bench, f"{arch} examples", *run, "--examples", bench.folder/"data"/"other")
        add_call(bench, f"{arch} reads", *run, *reads, "--bed", other/"confident.bed", "--jobs", 2)
    add_call(bench, "transfer", "--run", runs/"transfer"/"test_resnet", "--predictions")
    add_call(bench, "gradient_boosting with limits", "--run", runs/"plain"/"gradient_boosting",
             "--predictions", "--adapt", "--qual_filter", 5, "--homref_gq", 12,
             "--multi_allelic_qual_filter", 3, "--haploid_contigs", "sim1")
    add_call(bench, "one fold", "--run", runs/"plain"/"mobilenetv3_small_050"/"fold1_seed0", *reads,
             "--region", "sim1:110,000-160,000", "--downsample", .7, "--seed", 2, "--adapt")
    vcf = bench.folder/"calls"/"test_resnet_reads.vcf.gz"
    add_score(bench, "test_resnet reads", vcf, *truth_of(other), prefix="machine:")


def experiments(bench: Bench):
    "Calls imported as DeepVariant's, scores of the experiment, its report."
    plain, options = bench.folder/"experiments"/"plain", truth_of(bench.folder/"sim")
    answers = bench.folder/"calls"/"test_resnet_predictions.cvo.tfrecord"
    bench.run("dvb_import", plain/"deepvariant", "--cvo", answers, "--trained_on", "simulated reads")
    for path in sorted((plain/"deepvariant").iterdir()):
        add_run(bench, f"machine:runs/plain/deepvariant/{path.name}", path)
    printed = bench.run("dvb_score", plain, *options)
    bench.add("machine:scores/plain table", (plain/"calling.csv").read_text())
    bench.add("machine:prose:scores/plain printed", printed)
    add_summary(bench, "summaries/plain", plain, "--baseline", "test_resnet", portable=False)


# All parts, and the comparison

portable_sections = (simulations, examples, examples_of_cram, golden, other_real_data, splits, exported,
                     imported, parts, scores, planted, options_of_commands)
machine_sections = (trainings, recipes, calls, experiments)


def make_all(bench: Bench):
    "Run every section. One that fails is named, and the next ones still run."
    for section in portable_sections if bench.portable else (*portable_sections, *machine_sections):
        begin = time.monotonic()
        try:
            section(bench)
        except Exception as error:
            bench.failed.append(section.__name__)
            print(f"{section.__name__} FAILED: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
        print(f"{section.__name__}: {time.monotonic()-begin:.0f} s", file=sys.stderr, flush=True)


def as_tsv(values: dict[str, str]) -> str:
    "Names and values, sorted."
    return "".join(f"{name}\t{values[name]}\n" for name in sorted(values))


def read_tsv(path: Path) -> dict[str, str]:
    "The counterpart of `as_tsv`."
    return dict(line.split("\t") for line in path.read_text().splitlines())


def compared_names(bench: Bench, expected: dict[str, str]) -> list[str]:
    """The expected names, without what was left out here, and without those of a machine where only portable
    values were made."""
    names = []
    for name in sorted(expected):
        bare = name.removeprefix("machine:").removeprefix("prose:")
        if name.startswith("machine:") and bench.portable:
            continue
        if not bare.startswith(tuple(bench.left_out)):
            names.append(name)
    return names


def compare(bench: Bench, expected: dict[str, str], reworded: bool) -> bool:
    "Print what differs. True if nothing that counts differs."
    names = compared_names(bench, expected)
    changes = [name for name in names if expected.get(name) != bench.values.get(name)]
    for name in changes:
        old, new = (side.get(name, "nothing")[:12] for side in (expected, bench.values))
        print(f"{name}: expected {old}, found {new}")
    counted = [name for name in changes if not (reworded and re.match("(machine:)?prose:", name))]
    print(f"{len(names)-len(changes)} of {len(names)} values are the same, {len(changes)} differ"
          + f", {len(changes)-len(counted)} of them wording"*reworded)
    return not counted


def read_arguments() -> argparse.Namespace:
    "The command line."
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=form)
    parser.add_argument("checkout", type=Path, metavar="CHECKOUT")
    parser.add_argument("--out", type=Path, metavar="TSV", help="file to write the values to")
    parser.add_argument("--expected", type=Path, metavar="TSV", help="values to compare with")
    parser.add_argument("--bin", type=Path, metavar="FOLDER", help="bin of the environment")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="new folder to work in, which stays")
    parser.add_argument("--portable", action="store_true", help="only values that hold on every machine")
    parser.add_argument("--reworded", action="store_true", help="changes of prose: values do not fail")
    return parser.parse_args()


def work(given: argparse.Namespace, folder: Path) -> bool:
    "Make, write and compare the values. True if nothing failed or differs."
    expected = read_tsv(given.expected) if given.expected else None
    bench = Bench(given.checkout.resolve(), folder.resolve(), given.portable)
    make_all(bench)
    if given.out:
        given.out.write_text(as_tsv(bench.values))
    if expected is not None:
        return compare(bench, expected, given.reworded) and not bench.failed
    if not given.out:
        print(as_tsv(bench.values), end="")
    return not bench.failed


def main():
    "Hand over to the environment's Python, then work there."
    given = read_arguments()
    checkout = given.checkout.resolve()
    if "SAME_RESULTS" not in os.environ:
        hand_over(checkout, given.bin.absolute() if given.bin else checkout/".venv"/"bin")
    check_package(checkout)
    if given.keep:
        given.keep.mkdir(parents=True)
        sys.exit(not work(given, given.keep))
    with tempfile.TemporaryDirectory(prefix="same_results.") as folder:
        passed = work(given, Path(folder))
    sys.exit(not passed)


if __name__ == "__main__":
    main()
