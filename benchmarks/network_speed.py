"""How fast are pileup_set and Inception v3, in training and in inference, on the same images?

Every network is timed in turn, several rounds in one run, on images of a dataset cut to --rows and --columns.
A training step is forward, backward and update. The table has medians over the rounds and the ratio to the
first network, round by round.

Usage: python network_speed.py --data data/demo [--rows 75] [--columns 101] [--rounds 5] [--archs NAME...]
           [--cpu_time] [--out FILE.md]
--cpu_time counts the CPU seconds of one thread, which other work on the machine changes less; images/s are
then those of one core.
"""
import argparse
import os
import sys
import time
from pathlib import Path

import numpy as np
import torch

from dv_bench.core import git_commit, package_versions
from dv_bench.dataset.folder import PileupDataset
from dv_bench.model.cost import count_gmacs, count_parameters
from dv_bench.training.device import device_name, this_device
from dv_bench.training.normalisation import takes_raw_pixels
from dv_bench.training.precision import training_step
from dv_bench.training.recipe import build_network
from dv_bench.training.settings import Config

archs = ("inception", "mobilenetv3_small_100", "pileup_set_small", "pileup_set", "pileup_set_large")


def read_images(data: PileupDataset, n: int, rows: int, columns: int) -> torch.Tensor:
    "Float pixels 0..255 (n, channels, rows, columns) of images spread over a dataset."
    left = (data.shape[2]-columns)//2
    numbers = np.linspace(0, len(data)-1, n).astype(int)
    images = np.stack([data.image(i)[:, :rows, left:left+columns] for i in numbers])
    return torch.from_numpy(images).float()


class Network:
    "A network with what it needs for a step."
    def __init__(self, arch: str, data: PileupDataset, images: torch.Tensor, a: argparse.Namespace):
        config = Config(arch=arch, rows=a.rows, columns=a.columns, precision="fp32")
        self.net = build_network(config, data.shape, 0, data.channels).to(this_device())
        self.images = images.to(this_device())
        if not takes_raw_pixels(self.net):
            self.images = ((self.images-images.mean())/images.std()).to(memory_format=torch.channels_last)
            self.net.to(memory_format=torch.channels_last)
        self.labels = torch.arange(len(images), device=this_device()) % 3
        self.optimizer = torch.optim.Adam(self.net.parameters(), 1e-3)

    def train(self):
        self.net.train()
        training_step(self.net, self.optimizer, self.images, self.labels, "fp32")

    def infer(self):
        self.net.eval()
        with torch.inference_mode(): self.net(self.images)


def seconds_of(step, clock) -> float:
    begin = clock()
    step()
    if torch.cuda.is_available(): torch.cuda.synchronize()
    return clock()-begin


def measure(networks: dict, rounds: int, kind: str, clock=time.perf_counter) -> dict[str, np.ndarray]:
    "Seconds of a step of each network in each round, after a round that is not counted."
    taken = {name: [] for name in networks}
    for number in range(rounds+1):
        for name, network in networks.items():
            seconds = seconds_of(getattr(network, kind), clock)
            if number: taken[name].append(seconds)
    return {name: np.array(values) for name, values in taken.items()}


def table(networks: dict, taken: dict, n: int, channels: int) -> str:
    "The results as Markdown."
    first = next(iter(networks))
    heads = ["network", "parameters", "million multiply-accumulates",
             "training, images/s", "ratio", "inference, images/s", "ratio"]
    lines = [f"| {' | '.join(heads)} |", "|---|---:|---:|---:|---:|---:|---:|"]
    for name, network in networks.items():
        million_macs = 1000*count_gmacs(network.net, channels)
        cells = [name, f"{count_parameters(network.net):,}", f"{million_macs:,.0f}"]
        for kind in ("train", "infer"):
            ratios = taken[kind][first]/taken[kind][name]
            spread = f"{np.median(ratios):.2f} ({ratios.min():.2f} to {ratios.max():.2f})"
            cells += [f"{n/np.median(taken[kind][name]):,.0f}", spread]
        lines.append("| "+" | ".join(cells)+" |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True)
    parser.add_argument("--rows", type=int, default=75)
    parser.add_argument("--columns", type=int, default=101)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--archs", nargs="+", default=archs, help="the ratios are to the first")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", default="")
    parser.add_argument("--cpu_time", action="store_true", help="CPU seconds of one thread")
    a = parser.parse_args()
    if a.cpu_time: torch.set_num_threads(1)
    clock = time.process_time if a.cpu_time else time.perf_counter
    data = PileupDataset(a.data)
    images = read_images(data, a.batch, a.rows, a.columns)
    networks = {arch: Network(arch, data, images, a) for arch in a.archs}
    taken = {kind: measure(networks, a.rounds, kind, clock) for kind in ("train", "infer")}
    device = f"{device_name(this_device())} ({os.cpu_count()} cores)"
    depth = float((images[:, :, 5:].amax((1, 3)) > 0).sum(1).float().mean())
    versions = ", ".join(f"{name} {version}" for name, version in package_versions(("torch", "timm")).items())
    command = " ".join(["python benchmarks/network_speed.py", *sys.argv[1:]])
    lines = ["# Speed of networks", "",
             f"`{command}`, commit {git_commit()}, {time.strftime('%Y-%m-%d')}; "
             f"{device}, float32, {versions}.", "",
             f"Batches of {a.batch} images of {data.shape[0]} x {a.rows} x {a.columns}, {depth:.0f} reads on "
             f"average; medians of {a.rounds} rounds. Ratio: images/s divided by those of {a.archs[0]} in "
             "the same round.", "",
             table(networks, taken, a.batch, data.shape[0])]
    text = "\n".join(lines)+"\n"
    print(text)
    if a.out: Path(a.out).write_text(text)


if __name__ == "__main__": main()
