"""Goldens of sounds: WAV files, torchaudio's resample and kaldi.fbank: python audio.py"""
import os
import struct
import sys

import numpy as np
import torch

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path = [p for p in sys.path if os.path.abspath(p) != HERE] + [HERE]  # safetensors.py here must not hide the library

import torchaudio
from safetensors.torch import save_file

OUT = os.path.join(HERE, "..", "..", "internal", "audio", "testdata")
GUID = b"\x00\x00\x00\x00\x10\x00\x80\x00\x00\xaa\x00\x38\x9b\x71"


def wav(name, tag, bits, rate, samples, extensible=False, junk=False):
    """Writes frames (N, channels) as they are stored, and returns the bytes' meaning as torchaudio.load gives it."""
    channels = samples.shape[1]
    if bits == 24:
        body = b"".join(struct.pack("<i", v)[:3] for v in samples.reshape(-1).tolist())
    else:
        body = samples.astype({(1, 8): "u1", (1, 16): "<i2", (1, 32): "<i4", (3, 32): "<f4", (3, 64): "<f8"}[tag, bits]).tobytes()
    align = channels * bits // 8
    fmt = struct.pack("<HHIIHH", 0xFFFE if extensible else tag, channels, rate, rate * align, align, bits)
    if extensible:
        fmt += struct.pack("<HHIH", 22, bits, 4, tag) + GUID
    chunks = b"fmt " + struct.pack("<I", len(fmt)) + fmt
    if junk:  # an odd chunk, which is followed by a byte of padding
        chunks += b"LIST" + struct.pack("<I", 3) + b"abc\x00"
    chunks += b"data" + struct.pack("<I", len(body)) + body
    with open(os.path.join(OUT, name + ".wav"), "wb") as f:
        f.write(b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks)
    x = samples.astype(np.float64)
    if tag == 1:
        x = (x - 128) / 128 if bits == 8 else x / 2.0 ** (bits - 1)
    return torch.from_numpy(x.astype(np.float32).T.copy())  # (channels, N)


def tune(n, rate, seed):
    """Some partials that glide, a click and noise."""
    g = np.random.default_rng(seed)
    t = np.arange(n) / rate
    x = sum(a * np.sin(2 * np.pi * (f + 300 * k * t) * t) for k, (f, a) in enumerate([(220, 0.3), (1333, 0.2), (3100, 0.1)]))
    x[n // 3] += 0.5
    return np.clip(x + g.normal(0, 0.01, n), -1, 1)


def files(out):
    g = np.random.default_rng(3)
    whole = lambda bits, n, c: g.integers(-(2 ** (bits - 1)), 2 ** (bits - 1), (n, c))
    for name, tag, bits, samples, more in [
        ("pcm8", 1, 8, whole(8, 90, 1) + 128, {}),
        ("pcm16-stereo", 1, 16, whole(16, 90, 2), dict(junk=True)),
        ("pcm24", 1, 24, whole(24, 90, 3), dict(extensible=True)),
        ("pcm32", 1, 32, whole(32, 90, 1), {}),
        ("float32", 3, 32, g.normal(0, 0.3, (90, 2)), {}),
        ("float64", 3, 64, g.normal(0, 0.3, (90, 1)), dict(extensible=True)),
    ]:
        out["file." + name] = wav(name, tag, bits, 44100, samples, **more)[0].contiguous()


def resampled(out):
    for rate, n in [(1000, 70), (8000, 301), (11025, 400), (15999, 300), (22050, 500), (44100, 900), (48000, 900), (96000, 1100), (768000, 3000)]:
        x = torch.from_numpy(tune(n, rate, rate).astype(np.float32))[None]
        out[f"resample.{rate}.x"] = x[0].contiguous()
        out[f"resample.{rate}.y"] = torchaudio.functional.resample(x, orig_freq=rate, new_freq=16000)[0].contiguous()


def banks(out):
    for name, x in {
        "tune": tune(4200, 16000, 1), "frame": tune(400, 16000, 2), "silence": np.zeros(800), "offset": 0.5 + 1e-3 * tune(1000, 16000, 4),
        "loud": np.sign(tune(900, 16000, 5)),
    }.items():
        x = torch.from_numpy(x.astype(np.float32))[None]
        out[f"fbank.{name}.x"] = x[0].contiguous()
        out[f"fbank.{name}.y"] = torchaudio.compliance.kaldi.fbank(
            x, htk_compat=True, sample_frequency=16000, use_energy=False, window_type="hanning", num_mel_bins=128, dither=0.0,
            frame_length=25, frame_shift=10,
        ).contiguous()


def main():
    os.makedirs(OUT, exist_ok=True)
    out = {}
    files(out)
    resampled(out)
    banks(out)
    save_file(out, os.path.join(OUT, "audio.safetensors"))
    os.chmod(os.path.join(OUT, "audio.safetensors"), 0o644)


if __name__ == "__main__":
    main()
