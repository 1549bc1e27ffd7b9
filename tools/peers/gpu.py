"""torch on the same card: torch.compile(mode="max-autotune") with scaled_dot_product_attention, CUDA graphs included.

    python tools/peers/gpu.py vit-b-32 --batch 256 --dtype bfloat16 --seconds 5      one line of JSON
    python tools/peers/gpu.py gemm --dtype bfloat16                                  cuBLAS on the shapes of ViT

Not run yet: there was no card. Compile times do not count; inputs are on the card, results are waited for.
"""
import argparse
import json
import statistics
import time

import towers

GEMMS = [(8192, 8192, 8192), (50 * 256, 768, 2304), (50 * 256, 768, 3072), (50 * 256, 3072, 768), (257 * 256, 1024, 3072), (257 * 256, 1024, 4096), (257 * 256, 4096, 1024)]


def timed(run, seconds):
    """Milliseconds of each run, by the card's clock."""
    import torch

    for _ in range(3):
        run()
    torch.cuda.synchronize()
    times, end = [], time.monotonic() + seconds
    while time.monotonic() < end:
        a, b = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        a.record()
        run()
        b.record()
        b.synchronize()
        times.append(a.elapsed_time(b))
    return times


def tower(name, batch, dtype, seconds):
    import torch

    model = towers.torch_model(name).to("cuda", dtype)
    getattr(model, "set_attn_implementation", lambda _: None)("sdpa")
    (key, value), = towers.inputs(name, batch, 77).items()
    x = torch.from_numpy(value).cuda()
    x = x.to(dtype) if x.is_floating_point() else x
    compiled = torch.compile(model, mode="max-autotune")
    with torch.inference_mode():
        times = timed(lambda: compiled(**{key: x})[0], seconds)
    ms = statistics.median(times)
    return dict(arch=name, batch=batch, dtype=str(dtype)[6:], device=torch.cuda.get_device_name(), ms=ms, min_ms=min(times), per_s=batch * 1e3 / ms, runs=len(times))


def gemms(dtype, seconds):
    import torch

    for m, k, n in GEMMS:
        a, b = torch.randn(m, k, device="cuda", dtype=dtype), torch.randn(n, k, device="cuda", dtype=dtype)
        ms = statistics.median(timed(lambda: torch.nn.functional.linear(a, b), seconds / len(GEMMS)))
        yield dict(op="linear", m=m, k=k, n=n, dtype=str(dtype)[6:], us=ms * 1e3, tflops=2 * m * k * n / ms / 1e9)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("what", choices=[*towers.TOWERS, "gemm"])
    p.add_argument("--batch", type=int, default=1)
    p.add_argument("--dtype", default="bfloat16", choices=["float32", "float16", "bfloat16"])
    p.add_argument("--seconds", type=float, default=5)
    o = p.parse_args()
    import torch

    if not torch.cuda.is_available():
        raise SystemExit("no card: torch finds none")
    dtype = getattr(torch, o.dtype)
    for line in gemms(dtype, o.seconds) if o.what == "gemm" else [tower(o.what, o.batch, dtype, o.seconds)]:
        print(json.dumps(line))


if __name__ == "__main__":
    main()
