"""How fast does training go? The thesis's recipe beside ours, per architecture, in one run on this machine.

Three processes per architecture take turns, a few steps each, so that other load on the machine affects all
of them alike:
  thesis  seven PNGs per image read with PIL, padded to 224 x 224, float32, channels first, Adam, balanced
          cross-entropy
  ours    `training.loop` from the dataset folder: decode, augment, normalise, step
  bare    ours without data: the step on tensors that are on the device, the upper limit of the loop
A GPU is used when there is one. The ratio and the share are medians over rounds of what the two did in the
same round; speeds are medians too. "CPU ratio" compares the processors' seconds per image, which other load
on a shared machine disturbs less than the clock; it is not given for a GPU. "of peak" is 6 x GMACs x images/s
over this machine's rate in a 2048 x 2048 matrix product of the same precision.

Usage: python benchmarks/training.py [--archs inception efficientnet_b0 regnety_032] [--batch 16] [--rounds 5]
           [--data data/demo] [-p KEY VALUE]... [--out benchmarks/results/training.md]
"""
import argparse
import multiprocessing
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from PIL import Image
from torch import nn
from torch.nn import functional as F

from dv_bench.core import DvBenchError, find_path, package_versions
from dv_bench.dataset.combine import merge
from dv_bench.dataset.folder import PileupDataset, made_dataset
from dv_bench.dataset.png import export_png
from dv_bench.model.architectures import build_model
from dv_bench.model.cost import count_gmacs, peak_memory, reset_peak_memory, synchronize
from dv_bench.training.batches import epoch_batches, used_shape
from dv_bench.training.device import device_name, this_device
from dv_bench.training.images import TrainingImages
from dv_bench.training.loop import LossCheck, train_step
from dv_bench.training.precision import bare_step, resolve_precision
from dv_bench.training.run import prepare_run
from dv_bench.training.settings import Config, parse_setting
from dv_bench.training.state import new_state

kinds = ("thesis", "ours", "bare")
most_pngs = 1000 # images that are written as PNG; the thesis's recipe reads them again and again


def say(message: str):
    "What is being done, on the standard error: the first row of the table takes minutes."
    print(f"training.py: {message}", file=sys.stderr, flush=True)


class PngImages(torch.utils.data.Dataset):
    "The thesis's input: a CSV with seven grey PNGs an image."
    def __init__(self, csv: Path):
        table = pd.read_csv(csv)
        self.folder = csv.parent
        self.labels = table["class"].to_numpy()
        self.files = table[[c for c in table if c.startswith("img_ch")]].to_numpy()

    def __len__(self): return len(self.labels)

    def __getitem__(self, i):
        planes = [np.asarray(Image.open(self.folder/f), np.float32) for f in self.files[i]]
        x = torch.from_numpy(np.stack(planes))/255
        h, w = 224-x.shape[1], 224-x.shape[2]
        return (F.pad(x, (w//2, w-w//2, h//2, h-h//2))-.2)/.3, int(self.labels[i])


def thesis_steps(arch: str, csv: Path, batch: int, workers: int) -> Iterator:
    "One step of the thesis's recipe per `next`."
    device, images = this_device(), PngImages(csv)
    torch.backends.cudnn.benchmark = True # a GPU's fastest convolutions, as for ours
    model = build_model(arch, 7, pad=224).to(device).train()
    counts = np.bincount(images.labels, minlength=3).clip(1)
    weights = torch.tensor(len(images)/(3*counts), dtype=torch.float32, device=device)
    loss_of = nn.CrossEntropyLoss(weights)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    order = torch.utils.data.RandomSampler(images, num_samples=10**9) # epochs without a stop between two
    for x, y in torch.utils.data.DataLoader(images, batch, sampler=order, num_workers=workers):
        optimizer.zero_grad()
        loss = loss_of(model(x.to(device)), y.to(device))
        loss.backward()
        optimizer.step()
        yield loss.item()


def our_steps(config: Config) -> Iterator:
    "One step of `training.loop` per `next`, with data."
    run = prepare_run(config, TrainingImages(config.data), 0, 0)
    state, losses, labels = new_state(run), LossCheck(run), run.labels["train"]
    if len(labels) < config.batch_size:
        raise DvBenchError(f"{len(labels)} images to train on, fewer than a batch of {config.batch_size}; "
                           "name a larger dataset with --data or a smaller --batch")
    while True:
        state.logits = torch.zeros(len(labels), 3, device=run.device)
        balanced = config.sampling == "balanced"
        batches = epoch_batches(labels, config.batch_size, 0, state.epoch, balanced=balanced)
        batches = [b for b in batches if len(b) == config.batch_size]
        numbers = [run.numbers["train"][b] for b in batches]
        for images, batch in zip(run.images.batches(numbers), batches):
            losses.add(state, train_step(run, state, images, batch, len(batches)), batch)
            yield
        state.epoch += 1
        state.step = 0


def bare_steps(config: Config) -> Iterator:
    "One step without data per `next`."
    shape = TrainingImages(config.data).shape
    step = bare_step(config, shape, config.precision, config.channels_last, config.batch_size)
    while True: yield step()


def peak_flops(precision: str) -> float:
    "Floating-point operations a second in a large matrix product."
    device = this_device()
    n, times = (8192, 20) if device.type == "cuda" else (2048, 3)
    kept = torch.backends.cuda.matmul.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 # as convolutions compute in fp32
    types = {"bf16": torch.bfloat16, "fp16": torch.float16}
    a = torch.randn(n, n, device=device).to(types.get(precision, torch.float32))
    for _ in range(3): a @ a
    synchronize(device)
    start = time.perf_counter()
    for _ in range(times): a @ a
    synchronize(device)
    seconds = time.perf_counter()-start
    torch.backends.cuda.matmul.allow_tf32 = kept
    return times*2*n**3/seconds


@dataclass
class Turn:
    "What one process did in one round."
    seconds: float
    cpu_seconds: float
    peak_memory: int  # bytes
    peak_flops: float # this machine's rate in a matrix product, measured by bare alone


def worker(pipe, kind: str, config: Config, csv: Path, workers: int):
    "Answers each number of steps with a `Turn`; ends at 0."
    device = this_device()
    if kind == "thesis": steps = thesis_steps(config.arch, csv, config.batch_size, workers)
    elif kind == "ours": steps = our_steps(config)
    else: steps = bare_steps(config)
    reset_peak_memory(device)
    while n := pipe.recv():
        flops = peak_flops(config.precision) if kind == "bare" else 0
        if kind == "thesis": # what its workers read ahead while the others had their turn
            for _ in range(2*workers): next(steps)
        synchronize(device)
        start, cpu = time.perf_counter(), time.process_time()
        for _ in range(n): next(steps)
        synchronize(device)
        pipe.send(Turn(time.perf_counter()-start, time.process_time()-cpu, peak_memory(device), flops))


def start_workers(config: Config, csv: Path, workers: int) -> dict:
    "A process of each kind; kind -> pipe to it."
    context, pipes = multiprocessing.get_context("spawn"), {}
    for kind in kinds:
        pipes[kind], theirs = context.Pipe()
        context.Process(target=worker, args=(theirs, kind, config, csv, workers), daemon=False).start()
        theirs.close() # so that a worker which ends is noticed
    return pipes


def take_turns(config: Config, pipes: dict, rounds: int, steps: int) -> dict[str, list[Turn]]:
    "What each kind did in each round, without the first round, which warms up."
    turns = {kind: [] for kind in kinds}
    for k in range(rounds+1):
        say(f"{config.arch}: round {k} of {rounds}" if k else f"{config.arch}: first steps")
        for kind in kinds:
            pipes[kind].send(steps if k else 2)
            try: turn = pipes[kind].recv()
            except EOFError:
                message = f"{config.arch}: the process of {kind} ended; its error message is above"
                raise DvBenchError(message) from None
            if k: turns[kind].append(turn)
    for pipe in pipes.values(): pipe.send(0)
    return turns


def measured_precision(config: Config) -> Config:
    "Settings with the precision and layout that this device computes in, found in a process of its own."
    shape = TrainingImages(config.data).shape
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as alone:
        precision, channels_last = alone.submit(resolve_precision, config, shape).result()
    return replace(config, precision=precision, channels_last=channels_last)


def table_row(config: Config, turns: dict[str, list[Turn]], images: int) -> dict[str, str]:
    "A row of the table; `images` were trained on in each turn."
    median = statistics.median
    shape = used_shape(TrainingImages(config.data).shape, config.rows, config.columns)
    gmacs = count_gmacs(build_model(config.arch, *shape, config.pad), shape[0])
    speed = {kind: median(images/t.seconds for t in of_kind) for kind, of_kind in turns.items()}
    cpu_ratio = median(a.cpu_seconds/b.cpu_seconds for a, b in zip(turns["thesis"], turns["ours"]))
    return {
        "architecture": config.arch,
        "ours in": config.precision+(", channels last" if config.channels_last else ""),
        "thesis, images/s": f"{speed['thesis']:.1f}",
        "ours, images/s": f"{speed['ours']:.1f}",
        "ratio": f"{median(a.seconds/b.seconds for a, b in zip(turns['thesis'], turns['ours'])):.2f}",
        "CPU ratio": f"{cpu_ratio:.2f}" if this_device().type == "cpu" else "-",
        "bare step, ms": f"{1000*config.batch_size/speed['bare']:.0f}",
        "ours of bare": f"{median(a.seconds/b.seconds for a, b in zip(turns['bare'], turns['ours'])):.0%}",
        "GMACs": f"{gmacs:.2f}",
        "of peak": f"{median(6e9*gmacs*images/t.seconds/t.peak_flops for t in turns['bare']):.0%}",
        "thesis, peak MB": f"{turns['thesis'][-1].peak_memory/1e6:.0f}",
        "ours, peak MB": f"{turns['ours'][-1].peak_memory/1e6:.0f}",
    }


def compare(config: Config, csv: Path, rounds: int, steps: int, workers: int) -> dict[str, str]:
    "Train one architecture in all three ways; a row of the table."
    say(f"{config.arch}: which precision is fastest here?")
    config = measured_precision(config)
    turns = take_turns(config, start_workers(config, csv, workers), rounds, steps)
    return table_row(config, turns, steps*config.batch_size)


def machine() -> str:
    "The device, and of a CPU the widest instructions that torch uses."
    device = this_device()
    if device.type != "cpu": return device_name(device)
    widest = torch.backends.cpu.get_cpu_capability().replace("AVX512", "AVX-512")
    amx = " with AMX" if torch.cpu._is_amx_tile_supported() else ""
    return f"{device_name(device)}, {widest}{amx}"


def choose_data(data: str, batch: int, folder: Path) -> str:
    "The dataset that was named, or data/demo, or noise where that is missing or has fewer than 12 batches."
    if data: return data
    demo = find_path("data/demo")
    if (demo/"dataset.json").exists() and len(PileupDataset(demo)) >= 12*batch: return "data/demo"
    return str(made_dataset(folder/"noise", n=max(400, 12*batch)))


def write_pngs(dataset: PileupDataset, folder: Path) -> Path:
    "The thesis's CSV and PNGs of the first images of a dataset; the CSV."
    n = min(len(dataset), most_pngs)
    say(f"writing {n:,} images as {n*len(dataset.channels):,} PNGs")
    merge([dataset], folder/"first_images", [np.arange(n)], {"from": "subset"})
    return export_png(PileupDataset(folder/"first_images"), folder/"png")/"examples.csv"


def report(rows: list[dict], a: argparse.Namespace, data: str, n: int) -> str:
    "The table, what it was measured on, and the command that makes it."
    head = list(rows[0])
    lines = [f"| {' | '.join(head)} |", f"|{'---|'*len(head)}"]
    lines += [f"| {' | '.join(row.values())} |" for row in rows]
    table = "\n".join(lines)
    versions = package_versions(("torch", "timm", "accelerate"))
    settings = ", ".join(f"{k}={parse_setting(k, v)}" for k, v in a.p) or "defaults"
    name = data if a.data or "demo" in data else "noise"
    packages = ", ".join(f"{k} {v}" for k, v in versions.items())
    options = "".join(f" -p {k} {v}" for k, v in a.p)
    command = (f"python benchmarks/training.py --archs {' '.join(a.archs)} --batch {a.batch} "
               f"--rounds {a.rounds} --steps {a.steps}{options}")
    return (f"# Training speed: the thesis's recipe and ours\n\n{machine()}; "
            f"{a.rounds} rounds of {a.steps} steps of {a.batch} images; ours with {settings}; "
            f"load average {os.getloadavg()[1]:.1f}; {n} images of {name}; {packages}; {date.today()}\n\n"
            f"{table}\n\nMade with `{command}`\n")


def read_arguments() -> argparse.Namespace:
    on_gpu = torch.cuda.is_available()
    formatter = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=formatter)
    parser.add_argument("--archs", nargs="+", default=["inception", "efficientnet_b0", "regnety_032"])
    parser.add_argument("--batch", type=int, default=512 if on_gpu else 16, help="images a step, both sides")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=20 if on_gpu else 2, help="of each side in each round")
    parser.add_argument("--workers", type=int, default=8 if on_gpu else 0,
                        help="processes that read the thesis's PNGs")
    parser.add_argument("--data", default="",
                        help="by default data/demo, or noise if that is missing or has fewer than 12 batches")
    parser.add_argument("-p", nargs=2, action="append", default=[], metavar=("KEY", "VALUE"),
                        help="a setting of ours, such as rows 75 or compile true")
    parser.add_argument("--out", default="", help="also write the table to this file")
    return parser.parse_args()


def main():
    a = read_arguments()
    with tempfile.TemporaryDirectory() as d:
        say("making the images")
        data = choose_data(a.data, a.batch, Path(d))
        dataset = PileupDataset(data)
        csv = write_pngs(dataset, Path(d))
        common = dict(data=str(find_path(data)), batch_size=a.batch, outputs=d, folds=3, tracker="none")
        common |= {k: parse_setting(k, v) for k, v in a.p}
        rows = []
        for arch in a.archs:
            rows.append(compare(Config(arch=arch, **common), csv, a.rounds, a.steps, a.workers))
            print("  ".join(f"{k} {v}" for k, v in rows[-1].items()), flush=True)
        n = len(dataset)
    text = report(rows, a, data, n)
    print(text)
    if a.out:
        Path(a.out).parent.mkdir(parents=True, exist_ok=True)
        Path(a.out).write_text(text)


if __name__ == "__main__":
    try: main()
    except DvBenchError as e: raise SystemExit(f"training.py: {e}")
