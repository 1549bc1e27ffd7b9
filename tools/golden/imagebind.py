"""Goldens of ImageBind: python imagebind.py IMAGEBIND PYTORCHVIDEO

The arguments are checkouts of github.com/facebookresearch/ImageBind at 53680b02d7e37b19b124fa37bae4b6c98c38f5be and of
github.com/facebookresearch/pytorchvideo at 6cdc929315aab1b5674b6dcf73b16ec99147735f, which the first one names. Their own
code makes every number here; only what reads files is replaced (iopath, decord, torchaudio.load), and the vocabulary and
the widths are made small. How depth and thermal pictures become numbers is not in that repository: see depth() and thermal().
"""
import csv
import gzip
import importlib.util
import json
import math
import os
import sys
import types
import wave

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path = [sys.argv[1]] + [p for p in sys.path if os.path.abspath(p) != HERE] + [HERE]

import numpy as np
import torch
import torchaudio
import torchvision.transforms as T
from PIL import Image
from safetensors.torch import load_file, save_file

import towers

FPS, CONTEXT, MERGES = 7.5, 24, 400
MEAN, STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
SIZES = dict(
    out_embed_dim=20, vision_embed_dim=24, vision_num_blocks=2, vision_num_heads=2, audio_embed_dim=24, audio_num_blocks=2, audio_num_heads=3,
    text_embed_dim=32, text_num_blocks=2, text_num_heads=2, depth_embed_dim=16, depth_num_blocks=2, depth_num_heads=2,
    thermal_embed_dim=24, thermal_num_blocks=1, thermal_num_heads=2, imu_embed_dim=16, imu_num_blocks=2, imu_num_heads=4,
)


def module(name, **names):
    m = types.ModuleType(name)
    m.__dict__.update(names)
    sys.modules[name] = m
    return m


def source(path):
    spec = importlib.util.spec_from_file_location("loaded", os.path.join(sys.argv[2], "pytorchvideo", path))
    m = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(m)
    return m


def imports():
    """The reference's modules, without the libraries that only read files for it."""
    f, clips = source("transforms/functional.py"), source("data/clip_sampling.py")
    module("iopath")
    module("iopath.common")
    module("iopath.common.file_io", g_pathmgr=types.SimpleNamespace(open=open))
    module("pkg_resources")
    transforms = module(
        "pytorchvideo.transforms",
        ShortSideScale=lambda n: lambda x: f.short_side_scale(x, n),
        UniformTemporalSubsample=lambda num_samples: lambda x: f.uniform_temporal_subsample(x, num_samples),
    )
    module("pytorchvideo", transforms=transforms)
    module("pytorchvideo.data")
    module("pytorchvideo.data.clip_sampling", ConstantClipsPerVideoSampler=clips.ConstantClipsPerVideoSampler)
    module("pytorchvideo.data.encoded_video", EncodedVideo=Video)
    from imagebind import data
    from imagebind.models import imagebind_model, multimodal_preprocessors

    torchaudio.load = load_wav
    return data, imagebind_model, multimodal_preprocessors


class Video:
    """A folder of frames, cut as EncodedVideoDecord.get_clip cuts a file."""

    def __init__(self, path):
        self.frames = [np.asarray(Image.open(os.path.join(path, n)).convert("RGB")) for n in sorted(os.listdir(path))]
        self.duration = len(self.frames) / FPS

    @classmethod
    def from_path(cls, path, **_):
        return cls(path)

    def get_clip(self, start, end):
        lo, hi = math.ceil(FPS * start), min(math.ceil(FPS * end), len(self.frames))
        return {"video": torch.from_numpy(np.stack(self.frames[lo:hi])).float().permute(3, 0, 1, 2)}


def load_wav(path):
    with wave.open(path) as w:
        raw = w.readframes(w.getnframes())
        kind, shift, scale = {1: ("u1", 128, 2**7), 2: ("<i2", 0, 2**15)}[w.getsampwidth()]
        x = (np.frombuffer(raw, kind).astype(np.float32) - shift) / scale
        return torch.from_numpy(x.reshape(-1, w.getnchannels()).T.copy()), w.getframerate()


def build(imagebind_model, pre):
    """A tiny ImageBind with a vocabulary of some hundred tokens."""
    tokens = 512 + MERGES + 2
    imagebind_model.TextPreprocessor = lambda **kw: pre.TextPreprocessor(**dict(kw, vocab_size=tokens, context_length=CONTEXT))
    return imagebind_model.ImageBindModel(**SIZES).eval(), tokens


def sounds(folder):
    """Sounds of 3.1 s, 0.9 s, 0.03 s and 7.37 s, with one channel and two, at four rates."""
    g = np.random.default_rng(8)
    names = []
    for name, rate, channels, width, seconds in [("long", 8000, 1, 1, 3.1), ("short", 11025, 2, 2, 0.9), ("blip", 48000, 1, 2, 0.03), ("tune", 4000, 1, 1, 7.37)]:
        t = np.arange(int(rate * seconds)) / rate
        x = np.stack([0.4 * np.sin(2 * np.pi * (300 + 200 * k + 500 * t) * t) + g.normal(0, 0.02, t.shape) for k in range(channels)], 1)
        body = (x * 100 + 128).astype("u1") if width == 1 else (x * 20000).astype("<i2")
        with wave.open(os.path.join(folder, name + ".wav"), "wb") as w:
            w.setnchannels(channels), w.setsampwidth(width), w.setframerate(rate)
            w.writeframes(body.tobytes())
        names.append(name + ".wav")
    return names


def field(w, h, phase):
    y, x = np.mgrid[0:h, 0:w]
    return 0.5 + 0.5 * np.sin(0.11 * x + phase) * np.cos(0.17 * y - phase)


def depth(folder):
    """Depth in mm as 16-bit PNG, to disparity as Omnivore's authors compute it (omnivore issue 12: baseline 0.075 m, focal length
    518.857901 pixels), then as Omnivore's inference tutorial (DepthNorm with 75, its mean and deviation); resized as torchvision
    resized tensors then, bilinear without antialias. ImageBind's authors point to this."""
    names, out = [], []
    for name, w, h in [("wide.png", 60, 41), ("tall.png", 30, 50)]:
        mm = (8000 * field(w, h, len(names))).astype(np.uint16)
        mm[0, :5] = 0, 1, 9, 60000, 65535
        Image.fromarray(mm).save(os.path.join(folder, name))
        metres = (torch.from_numpy(np.asarray(Image.open(os.path.join(folder, name))).astype(np.float32)) / 1000.0).clip(min=0.01, max=50)
        x = (0.075 * 518.857901 / metres).clamp(max=75.0) / 75.0
        x = T.Compose([T.Resize(224, antialias=False), T.CenterCrop(224), T.Normalize(mean=0.0418, std=0.0295)])(x[None])
        names.append(name), out.append(x)
    return names, torch.stack(out)


def thermal(folder):
    """Thermal pictures as the pull request that adds them to ImageBind reads them (73), without the normalisation that its review
    found to be wrong: resized as pictures are, from 0 to 1."""
    names, out = [], []
    for name, w, h in [("grey.png", 70, 45), ("colour.png", 33, 60)]:
        x = (255 * field(w, h, 2 + len(names))).astype(np.uint8)
        image = Image.fromarray(x) if not names else Image.fromarray(np.stack([x, x[::-1], 255 - x], 2))
        image.save(os.path.join(folder, name))
        x = Image.open(os.path.join(folder, name)).convert("L")
        names.append(name)
        out.append(T.Compose([T.Resize(224, interpolation=T.InterpolationMode.BICUBIC), T.CenterCrop(224), T.ToTensor()])(x))
    return names, torch.stack(out)


def imu(folder):
    """Readings as CSV: one with a header and as many rows as the model reads, one with fewer, which are stretched by numpy.interp."""
    g = np.random.default_rng(9)
    names, out = [], []
    for name, n in [("full.csv", 2000), ("slow.csv", 130)]:
        x = np.round(np.cumsum(g.normal(0, 0.1, (n, 6)), 0), 2)
        with open(os.path.join(folder, name), "w", newline="") as f:
            rows = csv.writer(f)
            if not names:
                rows.writerow(["ax", "ay", "az", "gx", "gy", "gz"])
            rows.writerows(x.tolist())
        at = np.linspace(0, n - 1, 2000)
        names.append(name)
        out.append(np.stack([np.interp(at, np.arange(n), c) for c in x.T]).astype(np.float32))
    return names, torch.from_numpy(np.stack(out))


def videos(folder):
    """Videos of 2.9 s and of 0.4 s as folders of frames: wide, and tall."""
    names = []
    for name, w, h, n in [("wide", 40, 25, 22), ("tall", 17, 30, 3)]:
        os.makedirs(os.path.join(folder, name))
        for i in range(n):
            x = np.stack([field(w, h, 0.2 * i + c) for c in range(3)], 2)
            Image.fromarray((255 * x).astype(np.uint8)).save(os.path.join(folder, name, f"{i:03}.png"))
        names.append(name)
    return names


def vocabulary(folder):
    _, _, lines = towers.clip_vocabulary(MERGES)
    with open(os.path.join(folder, "bpe_simple_vocab_16e6.txt.gz"), "wb") as f:
        f.write(gzip.compress("\n".join(["#version: 0.2", *lines[:MERGES]]).encode(), mtime=0))
    return os.path.join(folder, "bpe_simple_vocab_16e6.txt.gz")


def main():
    data, imagebind_model, pre = imports()
    folder, media = towers.fresh("imagebind"), towers.fresh("senses")
    where = {k: os.path.join(media, k) for k in ("audio", "depth", "thermal", "imu", "video")}
    for path in where.values():
        os.makedirs(path)
    model, tokens = build(imagebind_model, pre)
    towers.randomise(model, 71)
    save_file({k: (v if k.endswith("mask") else v.half()).contiguous() for k, v in model.state_dict().items()}, os.path.join(folder, "model.safetensors"))
    model.load_state_dict({k: v.float() for k, v in load_file(os.path.join(folder, "model.safetensors")).items()})
    with open(os.path.join(folder, "config.json"), "w") as f:
        json.dump(dict(model_type="imagebind", vocab_size=tokens, context_length=CONTEXT, **SIZES), f, indent=1)
    bpe = vocabulary(folder)
    data.return_bpe_path = lambda: bpe

    tokenizer = pre.SimpleTokenizer(bpe_path=bpe, context_length=CONTEXT)
    texts = towers.TEXTS + ["two <|endoftext|> in one", "naïve ＦＵＬＬ İstanbul ΟΔΟΣ"]
    names, _ = towers.open_pictures()
    lists = {"audio": sounds(where["audio"]), "video": videos(where["video"])}
    inputs = {"text": torch.stack([tokenizer(t) for t in texts]), "vision": data.load_and_transform_vision_data([os.path.join(towers.PICTURES, n) for n in names], "cpu")}
    inputs["audio"] = data.load_and_transform_audio_data([os.path.join(where["audio"], n) for n in lists["audio"]], "cpu")
    for sense, read in [("depth", depth), ("thermal", thermal), ("imu", imu)]:
        lists[sense], inputs[sense] = read(where[sense])
    with torch.no_grad():
        out = model(inputs)
        video = torch.cat([model({"vision": data.load_and_transform_video_data([os.path.join(where["video"], n)], "cpu")})["vision"] for n in lists["video"]])
    senses = {k: out[k].contiguous() for k in ("audio", "depth", "thermal", "imu")}
    ids = [row[: int((row == tokens - 1).nonzero()[-1]) + 1].tolist() for row in inputs["text"]]
    logits = out["vision"] @ out["text"].T
    pixels = towers.digests(towers.to_uint8(inputs["vision"], MEAN, STD))
    towers.write("imagebind", names, None, texts, ids, out["vision"], out["text"], logits, meta={"senses": lists, "fps": FPS, **pixels}, video=video.contiguous(), **senses)


if __name__ == "__main__":
    main()
