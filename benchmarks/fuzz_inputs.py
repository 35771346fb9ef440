"""Files of every format that dv_bench reads, made from a simulated sample, and how each is read

Each reader takes the folder of all files, reads the file in question as the commands do, and returns what it
found there as a value that can be hashed.
"""
import gzip
import json
import os
import shutil
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow.parquet as pq
import pysam
import torch

from dv_bench.calling.exchange import read_cvo, write_cvo
from dv_bench.calling.sources import from_predictions
from dv_bench.calling.vcf import read_calls
from dv_bench.commands.examples import dvb_examples
from dv_bench.commands.simulate import dvb_simulate
from dv_bench.core import package_data, write_json
from dv_bench.dataset.exchange import example_row
from dv_bench.dataset.folder import PileupDataset
from dv_bench.dataset.png import export_png, read_png_csv
from dv_bench.dataset.registry import read_registry
from dv_bench.dataset.tfrecord import read_channels, read_examples
from dv_bench.genome import RegionSet, read_bed, read_stratification
from dv_bench.hts import open_reference
from dv_bench.images.examples import make_examples
from dv_bench.manifest import manifest_name, write_manifest
from dv_bench.simulation.profile import load_profile
from dv_bench.training import train_arch
from dv_bench.training.checkpoints import load_tensors, save_tensors
from dv_bench.training.predictor import load_run
from dv_bench.training.runs import open_run, open_runs, read_history, read_predictions, run_folder
from dv_bench.training.settings import Config, read_config
from dv_bench.verdict.experiment import read_experiment
from dv_bench.verdict.gallery import kept_images


class Format(NamedTuple):
    "A kind of file: where it is, how it is read, and what protects it."
    name: str
    file: str                    # in the folder of all files
    read: Callable               # the folder -> what was read
    is_protected: bool = False   # is a changed byte to be noticed?
    # checksums that a second round makes right again: bgzf, gzip, crc32c, gzip of crc32c, png or zip
    repair: str = ""
    in_manifest: bool = False    # does the manifest of its folder list it?
    kind: str = "bytes"          # bytes, text, json or yaml: which mutations fit
    why_unprotected: str = "the format has none"


# Readers

def images_from_reads(
    reads: str, ref: str = "sim/reference.fasta", truth: str = "sim/truth.vcf.gz",
) -> Callable:
    "A reader that draws all images of the sample."
    def read(folder: Path):
        confident = folder/"sim/confident.bed"
        return list(make_examples(
            folder/reads, folder/ref, truth=folder/truth, confident=confident, size=(24, 41)))
    return read


def calls(file: str) -> Callable:
    "A reader of variant calls."
    def read(folder: Path):
        with open_reference(folder/"sim/reference.fasta") as fasta: return read_calls(folder/file, fasta)
    return read


def sequences(file: str) -> Callable:
    "A reader of a reference."
    def read(folder: Path):
        with open_reference(folder/file) as fasta:
            return {name: fasta.fetch(name) for name in fasta.references}
    return read


def examples(file: str) -> Callable:
    "A reader of DeepVariant's examples, as dvb_import reads them."
    def read(folder: Path):
        names = read_channels([folder/file])
        rows = read_examples(folder/file, lambda e: (example_row(e, names), e.image))
        return list(rows)
    return read


def dataset(folder_name: str) -> Callable:
    "A reader of a dataset folder: index and pixels."
    def read(folder: Path):
        ds = PileupDataset(folder/folder_name)
        return ds.info["shape"], ds.index.to_csv(), [ds[i] for i in range(len(ds))]
    return read


def run_record(folder: Path):
    record = open_run(folder/network).record
    return {key: value for key, value in record.items() if key != "provenance"}


def run_history(folder: Path): return read_history(open_run(folder/network).folder).to_csv()
def run_predictions(folder: Path): return read_predictions(open_run(folder/network).folder).to_csv()


def run_gallery(folder: Path):
    kept = kept_images(read_experiment(folder/"outputs/e"))
    names = sorted(name for fold, name in kept)
    images = []
    for path in sorted({path for path, _ in kept.values()}):
        with np.load(path, allow_pickle=False) as z: images.append(z["images"])
    return names, images


def run_weights(folder: Path):
    torch.set_num_threads(1)
    return load_run(folder/network, torch.device("cpu")).net.state_dict()


def answers(file: str) -> Callable: return lambda folder: read_cvo(folder/file).to_csv()
def profile(folder: Path): return load_profile(folder/"profile.json")
def settings(folder: Path): return read_config(folder/"settings.yaml")
def png_images(folder: Path): return list(read_png_csv(folder/"png/examples.csv"))
def bed(file: str) -> Callable: return lambda folder: read_bed(folder/file, needed=True)


def strata(folder: Path):
    files = read_stratification(folder/"strata.tsv")
    return {name: RegionSet(path, {}).intervals for name, path in files.items()}


def checkpoint(folder: Path): return load_tensors(folder/"checkpoint.safetensors", needs_checksum=True)


def registry(folder: Path):
    found = read_registry(folder/"public_data.yaml")
    return repr(found.data), found.presets


network = "outputs/e/test_resnet/fold0_seed0"
by_hand = "it may be written by hand, so each text is an input"

formats = (
    Format("BAM", "bam/reads.bam", images_from_reads("bam/reads.bam"), True, "bgzf"),
    Format("BAI", "bam/reads.bam.bai", images_from_reads("bam/reads.bam")),
    Format("CSI", "csi/reads.bam.csi", images_from_reads("csi/reads.bam"), True, "bgzf"),
    Format("CRAM", "cram/reads.cram", images_from_reads("cram/reads.cram"), True),
    Format("CRAI", "cram/reads.cram.crai", images_from_reads("cram/reads.cram"), True, "gzip"),
    Format("FASTA", "sim/reference.fasta", sequences("sim/reference.fasta"), kind="text"),
    Format("FAI", "sim/reference.fasta.fai", sequences("sim/reference.fasta"), kind="text"),
    Format("FASTA, bgzipped", "gz/reference.fasta.gz", sequences("gz/reference.fasta.gz"), True, "bgzf"),
    Format("GZI", "gz/reference.fasta.gz.gzi", sequences("gz/reference.fasta.gz")),
    Format("VCF", "plain.vcf", calls("plain.vcf"), kind="text"),
    Format("VCF, bgzipped", "sim/truth.vcf.gz", calls("sim/truth.vcf.gz"), True, "bgzf"),
    Format("TBI", "sim/truth.vcf.gz.tbi", images_from_reads("bam/reads.bam"), True, "bgzf"),
    Format("BCF", "calls.bcf", calls("calls.bcf"), True, "bgzf"),
    Format("BED", "plain.bed", bed("plain.bed"), kind="text"),
    Format("BED, gzipped", "zipped.bed.gz", bed("zipped.bed.gz"), True, "gzip"),
    Format("TFRecord", "ex.tfrecord", examples("ex.tfrecord"), True, "crc32c"),
    Format("TFRecord, gzipped", "gz/ex.tfrecord.gz", examples("gz/ex.tfrecord.gz"), True,
           "gzip of crc32c"),
    Format("example_info.json", "ex.tfrecord.example_info.json", examples("ex.tfrecord"), kind="json"),
    Format("CallVariantsOutput", "answers.tfrecord", answers("answers.tfrecord"), True, "crc32c"),
    Format("dataset.json", "data/dataset.json", dataset("data"), True, in_manifest=True, kind="json"),
    Format("examples.parquet", "data/examples.parquet", dataset("data"), True, in_manifest=True),
    Format("images.b2nd", "data/images.b2nd", dataset("data"), True, in_manifest=True),
    Format("manifest.json", "data/manifest.json", dataset("data"), True, kind="json"),
    Format("images.b2nd, 0.1.0", "old/images.b2nd", dataset("old"),
           why_unprotected="datasets of version 0.1.0 have none, which is said when they are opened"),
    Format("run.json", f"{network}/run.json", run_record, True, in_manifest=True, kind="json"),
    Format("history.csv", f"{network}/history.csv", run_history, True, in_manifest=True, kind="text"),
    Format("predictions.parquet", f"{network}/predictions.parquet", run_predictions, True, in_manifest=True),
    Format("gallery.npz", f"{network}/gallery.npz", run_gallery, True, "zip", in_manifest=True),
    Format("model.safetensors", f"{network}/model.safetensors", run_weights, True, in_manifest=True),
    Format("checkpoint", "checkpoint.safetensors", checkpoint, True),
    Format("settings (YAML)", "settings.yaml", settings, kind="yaml", why_unprotected=by_hand),
    Format("registry of public data (YAML)", "public_data.yaml", registry, kind="yaml",
           why_unprotected=by_hand),
    Format("profile (JSON)", "profile.json", profile, kind="json", why_unprotected=by_hand),
    Format("PNG", "", png_images, True, "png"), # the first image; `formats_in` finds its name
    Format("CSV of PNGs", "png/examples.csv", png_images, kind="text", why_unprotected=by_hand),
    Format("stratification (TSV)", "strata.tsv", strata, kind="text", why_unprotected=by_hand),
)


# The files

bgzf_start = bytes.fromhex("1f8b08040000000000ff060042430200")
bgzf_end = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")


def bgzf(data: bytes, block: int = 1000) -> bytes:
    "BGZF with data stored as they are, so that a mutation can change them in place."
    pieces = []
    for start in range(0, len(data), block):
        part = data[start:start+block]
        packer = zlib.compressobj(0, zlib.DEFLATED, -15)
        packed = packer.compress(part)+packer.flush()
        pieces += [bgzf_start, (len(packed)+25).to_bytes(2, "little"), packed]
        pieces += [zlib.crc32(part).to_bytes(4, "little"), len(part).to_bytes(4, "little")]
    return b"".join([*pieces, bgzf_end])


def gzipped(data: bytes) -> bytes: return gzip.compress(data, 6, mtime=0)


def store_uncompressed(source: Path, target: Path):
    "A bgzipped file with stored blocks."
    target.parent.mkdir(exist_ok=True)
    target.write_bytes(bgzf(gzip.decompress(source.read_bytes())))


def make_reads(folder: Path):
    "The reads as BAM with each kind of index, and as CRAM."
    for name in ("bam", "csi", "cram"): (folder/name).mkdir()
    ref, bam, csi, cram = (str(folder/name) for name in (
        "sim/reference.fasta", "bam/reads.bam", "csi/reads.bam", "cram/reads.cram"))
    store_uncompressed(folder/"sim/reads.bam", Path(bam))
    shutil.copy(bam, csi)
    pysam.index(bam)
    pysam.index("-c", csi)
    pysam.view("-C", "-T", ref, "-o", cram, bam, catch_stdout=False)
    pysam.index(cram)
    store_uncompressed(Path(csi+".csi"), Path(csi+".csi"))


def make_variants(folder: Path):
    "The truth as VCF and BCF; its regions as BED."
    text = gzip.decompress((folder/"sim/truth.vcf.gz").read_bytes())
    (folder/"plain.vcf").write_bytes(text)
    with pysam.VariantFile(str(folder/"plain.vcf")) as vcf:
        with pysam.VariantFile(str(folder/"calls.bcf"), "wb", header=vcf.header) as out:
            for record in vcf: out.write(record)
    store_uncompressed(folder/"calls.bcf", folder/"calls.bcf")
    (folder/"sim/truth.vcf.gz").write_bytes(bgzf(text))
    pysam.tabix_index(str(folder/"sim/truth.vcf.gz"), preset="vcf", force=True)
    store_uncompressed(folder/"sim/truth.vcf.gz.tbi", folder/"sim/truth.vcf.gz.tbi")
    regions = "# regions\nsim1\t10\t400\tfirst\nsim1\t600\t5000\nsim2\t0\t17\n"
    (folder/"plain.bed").write_text(regions)
    (folder/"zipped.bed.gz").write_bytes(gzipped(regions.encode()))
    (folder/"strata.tsv").write_text("first\tplain.bed\nsecond\tsim/confident.bed\n")


def make_old_dataset(folder: Path):
    "The dataset as version 0.1.0 wrote it: without checksums."
    old = folder/"old"
    shutil.copytree(folder/"data", old)
    (old/manifest_name).unlink()
    table = pq.read_table(old/"examples.parquet")
    pq.write_table(table.drop_columns("chunk_crc32c"), old/"examples.parquet")
    write_json(old/"dataset.json", json.loads((old/"dataset.json").read_text()) | {"format": 1})


def make_answers(folder: Path):
    "CallVariantsOutput records of a run's predictions."
    source = from_predictions(open_runs(folder/network), partial=True)
    for _ in write_cvo(folder/"answers.tfrecord", source.pieces): pass


def make_runs(folder: Path):
    "Runs of a small network, trained in a child process: a process that has computed with torch cannot fork."
    config = Config(arch="test_resnet", data=str(folder/"data"), outputs=str(folder/"outputs"),
                    experiment="e", folds=2, epochs=1, batch_size=8, tracker="none", workers=0, bn_batches=2)
    child = os.fork()
    if not child:
        status = 1
        try:
            train_arch(config)
            status = 0
        finally: os._exit(status)
    if os.waitpid(child, 0)[1]: raise SystemExit("the runs could not be trained")


def make_small_files(folder: Path):
    "Settings, a profile, PNGs and compressed copies."
    (folder/"settings.yaml").write_text(
        "epochs: 3\nlr: 0.001\nscheduler: cosine\narch:\n  inception:\n    batch_size: 64\n")
    shutil.copy(package_data()/"hiseq101.json", folder/"profile.json")
    shutil.copy(package_data()/"public_data.yaml", folder/"public_data.yaml")
    tensors = {"weights": torch.arange(40.), "steps": torch.tensor(7)}
    save_tensors(folder/"checkpoint.safetensors", tensors, {"epoch": 2})
    export_png(PileupDataset(folder/"data"), folder/"png")
    (folder/"gz").mkdir(exist_ok=True)
    (folder/"gz/ex.tfrecord.gz").write_bytes(gzipped((folder/"ex.tfrecord").read_bytes()))
    shutil.copy(folder/"ex.tfrecord.example_info.json", folder/"gz/ex.tfrecord.gz.example_info.json")
    (folder/"gz/reference.fasta.gz").write_bytes(bgzf((folder/"sim/reference.fasta").read_bytes()))
    pysam.faidx(str(folder/"gz/reference.fasta.gz"))


def formats_in(folder: Path) -> list[Format]:
    "The formats, with the name of each file."
    first_png = min(path for path in folder.glob("png/**/*.png"))
    return [f if f.file else f._replace(file=str(first_png.relative_to(folder))) for f in formats]


def make_inputs(folder: Path):
    "Write all files into a folder."
    folder.mkdir(parents=True)
    sim = folder/"sim"
    dvb_simulate(str(sim), mb=.012, coverage=15., seed=3, variant_rate=.004)
    dvb_examples(str(folder/"data"), reads=str(sim/"reads.bam"), ref=str(sim/"reference.fasta"),
                 truth=str(sim/"truth.vcf.gz"), confident=str(sim/"confident.bed"), height=24, width=41,
                 tfrecord=str(folder/"ex.tfrecord"))
    makers = (make_reads, make_variants, make_old_dataset, make_runs, make_answers, make_small_files)
    for make in makers: make(folder)
