"""What does each part of pileup_set contribute? The whole network, and the network without one part at a time.

Every variant is trained with the same settings and seeds on the images of --data, and tested on those of
--test_data, which should come from another simulated genome. Finished runs are kept in --out, so that the
command continues where it stopped. Prints wrong genotypes of the test images for each seed, and the mean.

Usage: python pileup_set_ablation.py --data DATASET --test_data DATASET [--seeds N] [--epochs N] [--out FILE.json]
"""
import argparse
import math
import time
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

from dv_bench.core import package_versions, read_json, write_json
from dv_bench.dataset.folder import PileupDataset
from dv_bench.model.pileup_set import PileupSet

variants = {
    "whole network": {},
    "no sharing among reads": {"shares": False},
    "no split by support": {"by_support": False},
    "no reference beside the reads": {"with_reference": False},
    "means without maxima": {"maxima": False},
    "no genotype likelihoods": {"likelihoods": False},
    "no spread among reads": {"spread": False},
    "one mean": {"by_support": False, "maxima": False},
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
    net = PileupSet(images.shape[1], **parts)
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
            loss = F.cross_entropy(net.train()(images[batch].float()), labels[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            average.update_parameters(net)
    return average.module.eval()


def count_wrong(net: PileupSet, images: torch.Tensor, labels: torch.Tensor) -> int:
    "Images with a wrong genotype."
    with torch.inference_mode():
        classes = [net(images[k:k+256].float()).argmax(1) for k in range(0, len(images), 256)]
    return int((torch.cat(classes) != labels).sum())


def table(done: dict, n_images: int, n_test: int, args) -> str:
    "The results as Markdown."
    versions = ", ".join(f"{name} {v}" for name, v in package_versions(("torch", "numpy")).items())
    lines = ["# pileup_set without its parts", "",
             f"{n_images:,} training images, {args.epochs} epochs, {args.columns} columns; {n_test:,} test images of "
             f"another simulated genome; {time.strftime('%Y-%m-%d')}, {versions}.", "",
             "| network | wrong, by seed | mean | parameters |", "|---|---|---|---|"]
    for name, parts in variants.items():
        wrong = [done[f"{name} {seed}"] for seed in range(args.seeds) if f"{name} {seed}" in done]
        if not wrong: continue
        n_parameters = sum(p.numel() for p in PileupSet(**parts).parameters())
        lines.append(f"| {name} | {', '.join(map(str, wrong))} | {np.mean(wrong):.1f} | {n_parameters:,} |")
    return "\n".join(lines)+"\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True)
    parser.add_argument("--test_data", required=True)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--batch_size", type=int, default=64)
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--columns", type=int, default=101)
    parser.add_argument("--out", default="pileup_set_ablation.json")
    parser.add_argument("--table", default="", help="Markdown file for the table")
    args = parser.parse_args()
    images, labels = read_images(args.data, args.columns)
    test_images, test_labels = read_images(args.test_data, args.columns)
    done = read_json(args.out) if Path(args.out).exists() else {}
    for seed in range(args.seeds):
        for name, parts in variants.items():
            if f"{name} {seed}" in done: continue
            net = train(parts, images, labels, seed, args)
            done[f"{name} {seed}"] = count_wrong(net, test_images, test_labels)
            write_json(args.out, done)
            print(f"{name}, seed {seed}: {done[f'{name} {seed}']} wrong of {len(test_images)}", flush=True)
    text = table(done, len(images), len(test_images), args)
    print(text)
    if args.table: Path(args.table).write_text(text)


if __name__ == "__main__": main()
