"""Speed of PyTorch's networks, for comparison with `npm run bench -- train` and `npm run bench -- infer`.

    pip install torch==2.13.0 monai==1.6.1 einops dynamic-network-architectures==0.4.4
    FEDCARDIO_BENCH_TORCH=python npm run bench -- train    # alternates with ours
    python scripts/bench-torch.py                          # seconds per volume
    python scripts/bench-torch.py unet 32 2 16 1           # network, patch, batch, steps, threads

A step is forward, Dice + cross-entropy, backward, clipping, AdamW. Patches are random numbers, so that these figures do
not include the benchmark's time for cutting patches. Figures of a volume by MONAI's sliding windows do not include its
time for decoding. MONAI's Swin UNETR does not train on 32³: its deepest stage has one voxel, which instance norm
refuses. The device is a GPU if PyTorch has one.
"""
import json
import sys
import time

import torch
from dynamic_network_architectures.architectures.unet import PlainConvUNet
from monai.inferers import sliding_window_inference
from monai.losses import DiceCELoss
from monai.networks.nets import SwinUNETR

WARM_UP = 2
VOLUMES = 3
CLASSES = 6
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


def unet(features):
    stages = len(features)
    return PlainConvUNet(
        1, stages, features, torch.nn.Conv3d, 3, [1] + [2] * (stages - 1), 2, CLASSES, [2] * (stages - 1),
        conv_bias=True, norm_op=torch.nn.InstanceNorm3d, norm_op_kwargs={"eps": 1e-5, "affine": True},
        nonlin=torch.nn.LeakyReLU, nonlin_kwargs={"inplace": True}, deep_supervision=True,
    )


def swin(feature_size):
    return SwinUNETR(in_channels=1, out_channels=CLASSES, feature_size=feature_size, use_checkpoint=False)


NETWORKS = {
    "unet": lambda: unet([8, 16, 32, 64]),
    "swin-unetr-12": lambda: swin(12),
    "unet-full": lambda: unet([32, 64, 128, 256, 320]),
    "swin-unetr-48": lambda: swin(48),
}


def finish():
    if DEVICE == "cuda":
        torch.cuda.synchronize()


def train(network, side, batch, steps):
    net = NETWORKS[network]().to(DEVICE)
    net.train()
    loss_of = DiceCELoss(include_background=False, to_onehot_y=True, softmax=True, batch=True)
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3)
    image = torch.randn(batch, 1, side, side, side, device=DEVICE)
    target = torch.randint(0, CLASSES, (batch, 1, side, side, side), device=DEVICE)
    times, cpu = [], []
    for step in range(steps + WARM_UP):
        start, start_cpu = time.perf_counter(), time.process_time()
        optimizer.zero_grad()
        scales = net(image)
        scales = scales if isinstance(scales, (list, tuple)) else [scales]
        # nnU-Net's plans of four and more stages supervise three scales, like ours.
        scales = scales[:3]
        loss = 0
        for i, logits in enumerate(scales):
            stride = 2**i
            loss = loss + loss_of(logits, target[:, :, ::stride, ::stride, ::stride]) / 2**i
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1)
        optimizer.step()
        finish()
        if step >= WARM_UP:
            times.append(time.perf_counter() - start)
            cpu.append(time.process_time() - start_cpu)
    return {
        "backend": f"PyTorch {torch.__version__} on {DEVICE}",
        "stepsPerSecond": significant(1 / median(times)),
        "slowestMs": significant(1000 * max(times)),
        "cpuMs": significant(1000 * median(cpu)),
    }


def seconds_per_volume(network, window):
    net = NETWORKS[network]().to(DEVICE)
    if network == "unet":
        net.decoder.deep_supervision = False
    net.eval()
    volume = torch.randn(1, 1, 95, 96, 96, device=DEVICE)
    times = []
    for _ in range(VOLUMES + 1):
        start = time.perf_counter()
        with torch.inference_mode():
            sliding_window_inference(
                volume, (window,) * 3, 1, lambda x: torch.softmax(net(x), 1), overlap=0.5, mode="gaussian", sigma_scale=0.125
            )
        finish()
        times.append(time.perf_counter() - start)
    return median(times[1:])


def median(values):
    return sorted(values)[(len(values) - 1) // 2]


def significant(value):
    return float(f"{value:.3g}")


if len(sys.argv) > 1:
    name, (side, batch, steps, threads) = sys.argv[1], map(int, sys.argv[2:])
    torch.set_num_threads(threads)
    print(json.dumps(train(name, side, batch, steps)))
else:
    figures = {"torch": torch.__version__, "threads": torch.get_num_threads()}
    for name, window in (("unet", 48), ("swin-unetr-12", 64)):
        seconds = significant(seconds_per_volume(name, window))
        figures[f"{name}.secondsPerVolume"] = seconds
        print(f"{name:15} volume   {seconds} s", flush=True)
    print(json.dumps(figures))
