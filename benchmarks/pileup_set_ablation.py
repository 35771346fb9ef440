"""What does each part of pileup_set contribute? The network whole, without a part, with one more.

Every variant is trained with the same settings and seeds on the images of --data, and tested on those of
--test_data, which should come from another simulated genome. Finished runs are kept in --out, so that the
command continues where it stopped; a file of other data, options or code is refused. Prints wrong genotypes of
the test images for each seed, their mean, and the mean difference from the whole network with a 95% interval
over the seeds (Student's t, paired by seed; the same test images throughout, so other images could change it
more). A GPU is used when there is one; --jobs trainings share it, or the cores. `make ablation` makes the data
too.

Usage: python pileup_set_ablation.py --data DATASET --test_data DATASET [--seeds N] [--epochs N] [--jobs N]
           [--out FILE.json] [--table FILE.md]
"""
import argparse
import inspect
import math
import multiprocessing
import shlex
import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

import numpy as np
import torch
from kept_files import made_from
from scipy import stats
from torch.nn import functional as F

from dv_bench.core import DvBenchError, package_versions, read_json, write_json
from dv_bench.dataset.folder import PileupDataset
from dv_bench.model import pileup_set
from dv_bench.model.pileup_set import PileupSet
from dv_bench.training.device import device_name, this_device

variants = {
    "whole network": {},
    "no sharing among reads": {"shares": False},
    "no split by support": {"by_support": False},
    "no reference beside the reads": {"with_reference": False},
    "means without maxima": {"maxima": False},
    "no genotype likelihoods": {"likelihoods": False},
    "no spread among reads": {"spread": False},
    "one mean": {"by_support": False, "maxima": False},
    "with the lengths of repeats": {"repeats": True},
}


def read_images(path: str, columns: int) -> tuple[torch.Tensor, torch.Tensor]:
    "Images uint8 (n, channels, rows, columns), cut around the candidate, and labels."
    data = PileupDataset(path)
    left = (data.shape[2]-columns)//2
    images = np.empty((len(data), *data.shape[:2], columns), np.uint8)
    for i in range(len(data)): images[i] = data.image(i)[:, :, left:left+columns]
    return torch.from_numpy(images), torch.from_numpy(data.index.label.to_numpy(np.int64))


def train(parts: dict, images: torch.Tensor, labels: torch.Tensor, seed: int, args) -> PileupSet:
    "Adam with a cosine schedule and a moving average of the weights, as in configs/demo.yaml."
    torch.manual_seed(seed)
    device = this_device()
    net = PileupSet(images.shape[1], **parts).to(device)
    optimizer = torch.optim.Adam(net.parameters(), args.lr)
    average_of = torch.optim.swa_utils.get_ema_multi_avg_fn(.99)
    average = torch.optim.swa_utils.AveragedModel(net, multi_avg_fn=average_of, use_buffers=True)
    rng = np.random.default_rng(seed)
    n_batches = len(images)//args.batch_size
    for epoch in range(args.epochs):
        order = rng.permutation(len(images))
        for k in range(n_batches):
            position = (epoch*n_batches+k)/(args.epochs*n_batches)
            for group in optimizer.param_groups: group["lr"] = args.lr*.5*(1+math.cos(math.pi*position))
            batch = order[k*args.batch_size:(k+1)*args.batch_size]
            logits = net.train()(images[batch].to(device).float())
            loss = F.cross_entropy(logits, labels[batch].to(device))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            average.update_parameters(net)
    return average.module.eval()


def count_wrong(net: PileupSet, images: torch.Tensor, labels: torch.Tensor) -> int:
    "Images with a wrong genotype."
    device = this_device()
    with torch.inference_mode():
        parts = (images[k:k+256].to(device).float() for k in range(0, len(images), 256))
        classes = [net(part).argmax(1).cpu() for part in parts]
    return int((torch.cat(classes) != labels).sum())


def open_images(args):
    "Read both datasets once in each process."
    global learnt, tested
    torch.set_num_threads(1)
    learnt = read_images(args.data, args.columns)
    tested = read_images(args.test_data, args.columns)


def wrong_of(name: str, seed: int, args) -> int:
    "Test images with a wrong genotype, after training one variant with one seed; see `open_images`."
    return count_wrong(train(variants[name], *learnt, seed, args), *tested)


def identity(args) -> str:
    "Twelve digits that identify what decides the results: images, training options, variants and code."
    fingerprints = [PileupDataset(path).info["fingerprint"] for path in (args.data, args.test_data)]
    options = {name: getattr(args, name) for name in ("epochs", "batch_size", "lr", "columns")}
    network = Path(pileup_set.__file__)
    code = [inspect.getsource(function) for function in (read_images, train, count_wrong)]
    versions = package_versions(("torch", "numpy"))
    return made_from([network], fingerprints, options, variants, this_device().type, code, versions)


def kept_runs(file: Path, identity: str) -> dict:
    """The finished runs: `made_from`, `made` (when and where the last one ended) and `wrong`, by variant and
    seed. Raises DvBenchError for a file of other images, options or code."""
    if not file.exists(): return {"made_from": identity, "made": "", "wrong": {}}
    found = read_json(file)
    if found.get("made_from") == identity: return found
    raise DvBenchError(f"{file}: expected runs of these images, options and code ({identity}), "
                       f"found those of {found.get('made_from', 'an older version')}; "
                       "remove the file or give another --out")


def when_and_where() -> str:
    "Date, device and versions."
    versions = ", ".join(f"{name} {v}" for name, v in package_versions(("torch", "numpy")).items())
    return f"{time.strftime('%Y-%m-%d')}, {device_name(this_device())}, {versions}"


def difference(wrong: list[int], whole: list[int]) -> str:
    "Mean difference from the whole network, paired by seed, with its 95% interval over the seeds."
    differences = np.subtract(wrong, whole)
    mean = differences.mean()
    if len(differences) < 2: return f"{mean:+.1f}"
    half = stats.t.ppf(.975, len(differences)-1)*stats.sem(differences)
    return f"{mean:+.1f} ({mean-half:+.1f} to {mean+half:+.1f})"


def described(data: PileupDataset) -> str:
    "A dataset in words."
    samples = ", ".join(data.info["samples"])
    return f"{len(data):,} images of {samples} (fingerprint {data.info['fingerprint'][:12]})"


def table_rows(wrong: dict[str, int], n_seeds: int) -> list[str]:
    "A row of the table for each network. The whole network has no difference from itself."
    by_variant = {name: [wrong[f"{name} {seed}"] for seed in range(n_seeds)] for name in variants}
    rows = []
    for name, counts in by_variant.items():
        minus_whole = difference(counts, by_variant["whole network"]) if variants[name] else ""
        n_parameters = sum(p.numel() for p in PileupSet(**variants[name]).parameters())
        shown = ", ".join(map(str, counts))
        rows.append(f"| {name} | {shown} | {np.mean(counts):.1f} | {minus_whole} | {n_parameters:,} |")
    return rows


def table(runs: dict, args) -> str:
    "The results as Markdown."
    training, test = (described(PileupDataset(path)) for path in (args.data, args.test_data))
    command = shlex.join(["python", "benchmarks/pileup_set_ablation.py", *sys.argv[1:]])
    lines = ["# pileup_set without its parts", "",
             f"Wrong genotypes of the same test images; {args.seeds} trainings of each network.", "",
             f"Training: {training}, {args.epochs} epochs, {args.columns} columns. Test: {test}. "
             f"{runs['made']}.", "",
             "| network | wrong, by seed | mean | minus the whole network, 95% interval over seeds | "
             "parameters |",
             "|---|---|---:|---:|---:|",
             *table_rows(runs["wrong"], args.seeds), "",
             f"Made with `{command}`; `make ablation` makes the data too."]
    return "\n".join(lines)+"\n"


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True)
    parser.add_argument("--test_data", required=True)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--batch_size", type=int, default=64)
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--columns", type=int, default=101)
    parser.add_argument("--jobs", type=int, default=1, help="trainings at the same time")
    parser.add_argument("--out", default="pileup_set_ablation.json")
    parser.add_argument("--table", default="", help="Markdown file for the table")
    args = parser.parse_args()
    torch.set_num_threads(1)
    try: runs = kept_runs(Path(args.out), identity(args))
    except DvBenchError as e: sys.exit(f"pileup_set_ablation: {e}")
    wrong = runs["wrong"]
    left = [(name, seed) for seed in range(args.seeds) for name in variants if f"{name} {seed}" not in wrong]
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(args.jobs, context, open_images, (args,)) as pool:
        jobs = {pool.submit(wrong_of, name, seed, args): (name, seed) for name, seed in left}
        for job in as_completed(jobs):
            name, seed = jobs[job]
            wrong[f"{name} {seed}"] = job.result()
            runs["made"] = when_and_where()
            write_json(args.out, runs)
            print(f"{name}, seed {seed}: {job.result()} wrong", flush=True)
    text = table(runs, args)
    print(text)
    if args.table: Path(args.table).write_text(text)


if __name__ == "__main__": main()
