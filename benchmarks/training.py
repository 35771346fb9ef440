"""How fast does training go? The thesis's recipe beside ours, per architecture, in one run on this machine.

Three processes per architecture take turns, a few steps each, so that other load on the machine meets all of them alike:
  thesis  seven PNGs per image read with PIL, padded to 224 x 224, float32, channels first, Adam, balanced cross-entropy
  ours    `training.Run` from the dataset folder: decode, augment, normalise, step
  bare    ours without data: the step on tensors that lie on the device, the most that the loop could reach
A GPU is used when there is one. The ratio and the share are medians over rounds of what the two did in the same round; speeds are
medians too. "CPU ratio" compares the processors' seconds per image, which other load on a shared machine disturbs less than
the clock; it is not given for a GPU. "of peak" is 6 x GMACs x images/s over this machine's rate in a 2048 x 2048 matrix product of the
same precision.

Usage: python benchmarks/training.py [--archs inception efficientnet_b0 regnety_032] [--batch 16] [--rounds 5] [--data data/demo]
                                     [-p KEY VALUE]... [--out benchmarks/results/training.md]
"""
import argparse
import multiprocessing
import os
import statistics
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from PIL import Image
from torch import nn
from torch.nn import functional as F

from dv_bench.core import DvBenchError, find_path, package_versions
from dv_bench.dataset.folder import PileupDataset, made_dataset
from dv_bench.dataset.png import export_png
from dv_bench.model.architectures import build_model
from dv_bench.model.cost import count_gmacs, peak_memory, reset_peak_memory, synchronize
from dv_bench.training.settings import Config, parse_setting
from dv_bench.training.images import TrainingImages
from dv_bench.training.batches import epoch_batches, used_shape
from dv_bench.training.device import bare_step, device_name, resolve_precision, this_device
from dv_bench.training.loop import Run


class PngImages(torch.utils.data.Dataset):
    "The thesis's input: a CSV with seven grey PNGs an image."
    def __init__(self, csv: Path):
        table = pd.read_csv(csv)
        self.folder, self.labels = csv.parent, table["class"].to_numpy()
        self.files = table[[c for c in table if c.startswith("img_ch")]].to_numpy()

    def __len__(self): return len(self.labels)

    def __getitem__(self, i):
        planes = [np.asarray(Image.open(self.folder/f), np.float32) for f in self.files[i]]
        x = torch.from_numpy(np.stack(planes))/255
        h, w = 224-x.shape[1], 224-x.shape[2]
        return (F.pad(x, (w//2, w-w//2, h//2, h-h//2))-.2)/.3, int(self.labels[i])


def thesis_steps(arch: str, csv: Path, batch: int, workers: int):
    "One step of the thesis's recipe per `next`."
    device, images = this_device(), PngImages(csv)
    torch.backends.cudnn.benchmark = True # a GPU's fastest convolutions, as for ours
    model = build_model(arch, 7, pad=224).to(device).train()
    counts = np.bincount(images.labels, minlength=3).clip(1)
    loss_of = nn.CrossEntropyLoss(torch.tensor(len(images)/(3*counts), dtype=torch.float32, device=device))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    order = torch.utils.data.RandomSampler(images, num_samples=10**9) # epoch after epoch, without a stop between two
    for x, y in torch.utils.data.DataLoader(images, batch, sampler=order, num_workers=workers):
        optimizer.zero_grad()
        loss = loss_of(model(x.to(device)), y.to(device))
        loss.backward()
        optimizer.step()
        yield loss.item()


def our_steps(config: Config):
    "One step of `Run` per `next`, data and all."
    run = Run(config, TrainingImages(config.data), 0, 0)
    labels = run.labels["train"]
    if len(labels) < config.batch_size: raise DvBenchError(f"{len(labels)} images to train on, fewer than a batch of {config.batch_size}; name a larger dataset with --data or a smaller --batch")
    while True:
        batches = [b for b in epoch_batches(config, labels, 0, run.epoch) if len(b) == config.batch_size]
        run.logits = torch.zeros(len(labels), 3, device=run.device)
        for x, b in zip(run.pixels.batches([run.numbers["train"][b] for b in batches]), batches): yield run.train_step(x, b, len(batches))
        run.epoch, run.step = run.epoch+1, 0


def peak_flops(precision: str) -> float:
    "Floating-point operations a second in a large matrix product."
    device = this_device()
    n, times = (8192, 20) if device.type == "cuda" else (2048, 3)
    kept, torch.backends.cuda.matmul.allow_tf32 = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 # as convolutions compute in fp32
    a = torch.randn(n, n, device=device).to({"bf16": torch.bfloat16, "fp16": torch.float16}.get(precision, torch.float32))
    for _ in range(3): a @ a
    synchronize(device)
    start = time.perf_counter()
    for _ in range(times): a @ a
    synchronize(device)
    seconds = time.perf_counter()-start
    torch.backends.cuda.matmul.allow_tf32 = kept
    return times*2*n**3/seconds


def worker(pipe, kind: str, config: Config, csv: Path, workers: int):
    "Answers each number of steps with seconds, processor seconds, peak memory and, for bare, the machine's peak rate."
    shape = used_shape(config, TrainingImages(config.data).shape)
    device = this_device()
    steps = {"thesis": lambda: thesis_steps(config.arch, csv, config.batch_size, workers), "ours": lambda: our_steps(config),
             "bare": lambda: iter(bare_step(config, shape, config.precision, config.channels_last, config.batch_size), object())}[kind]()
    reset_peak_memory(device)
    while n := pipe.recv():
        flops = peak_flops(config.precision) if kind == "bare" else 0
        if kind == "thesis": [next(steps) for _ in range(2*workers)]   # what its workers read ahead while the others had their turn
        synchronize(device)
        start, cpu = time.perf_counter(), time.process_time()
        for _ in range(n): next(steps)
        synchronize(device)
        pipe.send((time.perf_counter()-start, time.process_time()-cpu, peak_memory(device), flops))


def compare(config: Config, csv: Path, rounds: int, steps: int, workers: int) -> dict:
    "A row of the table."
    context, kinds, pipes = multiprocessing.get_context("spawn"), ("thesis", "ours", "bare"), {}
    shape = used_shape(config, TrainingImages(config.data).shape)
    with ProcessPoolExecutor(1, context) as alone: precision, channels_last = alone.submit(resolve_precision, config, shape).result()
    config = replace(config, precision=precision, channels_last=channels_last)
    for kind in kinds:
        pipes[kind], theirs = context.Pipe()
        context.Process(target=worker, args=(theirs, kind, config, csv, workers), daemon=False).start()
        theirs.close() # so that a worker which ends is noticed
    found = {k: [] for k in kinds}
    for k in range(rounds+1):
        for kind in kinds:
            pipes[kind].send(steps if k else 2)
            try: answer = pipes[kind].recv()
            except EOFError: raise DvBenchError(f"{config.arch}: the process of {kind} ended; what it says stands above") from None
            if k: found[kind].append(answer)     # the first round warms up
    for pipe in pipes.values(): pipe.send(0)
    images, median = steps*config.batch_size, statistics.median
    speed = {k: median(images/t for t, *_ in v) for k, v in found.items()}
    ratio = lambda a, b, what: median(x[what]/y[what] for x, y in zip(found[a], found[b]))
    model = build_model(config.arch, *shape, config.pad)
    gmacs = count_gmacs(model, shape[0])
    on_cpu = this_device().type == "cpu"
    return {"architecture": config.arch, "ours in": f"{precision}{', channels last' if channels_last else ''}", "thesis, images/s": f"{speed['thesis']:.1f}", "ours, images/s": f"{speed['ours']:.1f}", "ratio": f"{ratio('thesis', 'ours', 0):.2f}",
            "CPU ratio": f"{ratio('thesis', 'ours', 1):.2f}" if on_cpu else "-", "bare step, ms": f"{1000*config.batch_size/speed['bare']:.0f}", "ours of bare": f"{ratio('bare', 'ours', 0):.0%}",
            "GMACs": f"{gmacs:.2f}", "of peak": f"{median(6e9*gmacs*images/x[0]/x[3] for x in found['bare']):.0%}",
            "thesis, peak MB": f"{found['thesis'][-1][2]/1e6:.0f}", "ours, peak MB": f"{found['ours'][-1][2]/1e6:.0f}"}


def machine() -> str:
    "The device, and of a CPU the widest instructions that torch uses."
    device, wide = this_device(), torch.backends.cpu.get_cpu_capability().replace("AVX512", "AVX-512")
    return device_name(device)+(f", {wide}{' with AMX' if torch.cpu._is_amx_tile_supported() else ''}" if device.type == "cpu" else "")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--archs", nargs="+", default=["inception", "efficientnet_b0", "regnety_032"])
    parser.add_argument("--batch", type=int, default=512 if torch.cuda.is_available() else 16, help="images a step, both sides")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=20 if torch.cuda.is_available() else 2, help="of each side in each round")
    parser.add_argument("--workers", type=int, default=8 if torch.cuda.is_available() else 0, help="processes that read the thesis's PNGs")
    parser.add_argument("--data", default="", help="dataset folder; by default data/demo, or noise where that is missing or holds fewer than 12 batches")
    parser.add_argument("-p", nargs=2, action="append", default=[], metavar=("KEY", "VALUE"), help="a setting of ours, such as rows 75 or compile true")
    parser.add_argument("--out", default="", help="also write the table to this file")
    a = parser.parse_args()
    with tempfile.TemporaryDirectory() as d:
        demo = find_path("data/demo")
        data = a.data or ("data/demo" if (demo/"dataset.json").exists() and len(PileupDataset(demo)) >= 12*a.batch else str(made_dataset(Path(d)/"noise", n=max(400, 12*a.batch))))
        csv = export_png(PileupDataset(data), Path(d)/"png")/"examples.csv"
        given = {k: parse_setting(k, v) for k, v in a.p}
        rows = []
        for arch in a.archs:
            rows.append(compare(Config(arch=arch, data=str(find_path(data)), batch_size=a.batch, outputs=d, folds=3, tracker="none", **given), csv, a.rounds, a.steps, a.workers))
            print("  ".join(f"{k} {v}" for k, v in rows[-1].items()), flush=True)
        n = len(PileupDataset(data))
    head = list(rows[0])
    table = "\n".join([f"| {' | '.join(head)} |", f"|{'---|'*len(head)}", *(f"| {' | '.join(r.values())} |" for r in rows)])
    versions = package_versions(("torch", "timm", "accelerate"))
    settings = ", ".join(f"{k}={v}" for k, v in given.items()) or "defaults"
    text = (f"# Training speed: the thesis's recipe and ours\n\n{machine()}; {a.rounds} rounds of {a.steps} steps of {a.batch} images; ours with {settings}; "
            f"load average {os.getloadavg()[1]:.1f}; {n} images of {data if a.data or 'demo' in data else 'noise'}; {', '.join(f'{k} {v}' for k, v in versions.items())}; {date.today()}\n\n{table}\n\n"
            f"Made with `python benchmarks/training.py --archs {' '.join(a.archs)} --batch {a.batch} --rounds {a.rounds} --steps {a.steps}{''.join(f' -p {k} {v}' for k, v in a.p)}`\n")
    print(text)
    if a.out: Path(a.out).parent.mkdir(parents=True, exist_ok=True); Path(a.out).write_text(text)


if __name__ == "__main__":
    try: main()
    except DvBenchError as e: raise SystemExit(f"training.py: {e}")
