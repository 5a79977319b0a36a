"""Speed of PyTorch's networks, for comparison with `npm run bench -- train` and `npm run bench -- infer`.

    pip install torch==2.13.0 monai==1.6.1 einops dynamic-network-architectures==0.4.4
    python scripts/bench-torch.py

The networks of the benchmark, one image per step: forward, Dice + cross-entropy, backward, clipping, AdamW. Patches are
random numbers, so that these figures do not include the benchmark's time for cutting patches. Figures of a volume by
MONAI's sliding windows do not include its time for decoding. MONAI's Swin UNETR does not train on 32³: its deepest
stage has one voxel, which instance norm refuses.
"""
import json
import time

import torch
from dynamic_network_architectures.architectures.unet import PlainConvUNet
from monai.inferers import sliding_window_inference
from monai.losses import DiceCELoss
from monai.networks.nets import SwinUNETR

STEPS = {32: 16, 64: 6, 96: 3}
VOLUMES = 3
CLASSES = 6


def unet():
    features = [8, 16, 32, 64]
    return PlainConvUNet(
        1, len(features), features, torch.nn.Conv3d, 3, [1, 2, 2, 2], 2, CLASSES, [2, 2, 2],
        conv_bias=True, norm_op=torch.nn.InstanceNorm3d, norm_op_kwargs={"eps": 1e-5, "affine": True},
        nonlin=torch.nn.LeakyReLU, nonlin_kwargs={"inplace": True}, deep_supervision=True,
    )


def swin():
    return SwinUNETR(in_channels=1, out_channels=CLASSES, feature_size=12, use_checkpoint=False)


def seconds_per_step(net, side, batch, steps):
    net.train()
    loss_of = DiceCELoss(include_background=False, to_onehot_y=True, softmax=True, batch=True)
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3)
    image = torch.randn(batch, 1, side, side, side)
    target = torch.randint(0, CLASSES, (batch, 1, side, side, side))
    times = []
    for step in range(steps + 2):
        start = time.perf_counter()
        optimizer.zero_grad()
        scales = net(image)
        scales = scales if isinstance(scales, (list, tuple)) else [scales]
        loss = 0
        for i, logits in enumerate(scales):
            stride = 2**i
            loss = loss + loss_of(logits, target[:, :, ::stride, ::stride, ::stride]) / 2**i
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1)
        optimizer.step()
        if step >= 2:
            times.append(time.perf_counter() - start)
    return sorted(times)[(len(times) - 1) // 2]


def seconds_per_volume(net, window):
    net.eval()
    volume = torch.randn(1, 1, 95, 96, 96)
    times = []
    for _ in range(VOLUMES + 1):
        start = time.perf_counter()
        with torch.inference_mode():
            sliding_window_inference(
                volume, (window,) * 3, 1, lambda x: torch.softmax(net(x), 1), overlap=0.5, mode="gaussian", sigma_scale=0.125
            )
        times.append(time.perf_counter() - start)
    return sorted(times[1:])[(VOLUMES - 1) // 2]


def significant(value):
    return float(f"{value:.3g}")


figures = {"torch": torch.__version__, "threads": torch.get_num_threads()}
for name, make, sizes, window in (
    ("unet", unet, ((32, 1), (64, 1), (64, 2), (96, 1)), 48),
    ("swin-unetr-12", swin, ((64, 1), (64, 2), (96, 1)), 64),
):
    for side, batch in sizes:
        rate = significant(1 / seconds_per_step(make(), side, batch, STEPS[side]))
        figures[f"{name}.{side}x{batch}.stepsPerSecond"] = rate
        print(f"{name:15} {side}³ × {batch}  {rate} steps/s", flush=True)
    net = make()
    if name == "unet":
        net.decoder.deep_supervision = False
    seconds = significant(seconds_per_volume(net, window))
    figures[f"{name}.secondsPerVolume"] = seconds
    print(f"{name:15} volume   {seconds} s", flush=True)
print(json.dumps(figures))
