"""Goldens of SigLIP as transformers saves it (SiglipModel): python siglip.py"""
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path = [p for p in sys.path if os.path.abspath(p) != HERE] + [HERE]  # safetensors.py here must not hide the library

import sentencepiece
import torch
from transformers import SiglipConfig, SiglipModel, SiglipTokenizer
from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil

import towers

CASES = {
    # name: vision width, heads, hidden, patch, side; text width, heads, hidden, projection
    "siglip-72": dict(vision=(72, 1, 40, 14, 56), text=(48, 2, 40, 72), dtype=torch.float16, seed=11, length=16),
    "siglip-sparse": dict(vision=(36, 3, 50, 16, 48), text=(36, 2, 44, None), dtype=torch.float32, seed=12, length=64, sparse=True),
}

WORDS = """a photo of cat dog dogs cats bird two three quick brown fox jumps over the lazy and then all other whole wide
world again to left right red car blue green times in on under tree house water mountain sunset beach people""".split()


def vocabulary(folder, **more):
    """A SentencePiece model like T5's, which SigLIP took over: <pad> 0, </s> 1, <unk> 2, no start of text."""
    corpus = os.path.join(folder, "corpus.txt")
    with open(corpus, "w") as f:
        for i in range(400):
            f.write(" ".join(WORDS[(i * 7 + j * (1 + i % 5)) % len(WORDS)] for j in range(9)) + "\n")
    sentencepiece.SentencePieceTrainer.train(
        input=corpus, model_prefix=os.path.join(folder, "spiece"), vocab_size=120, model_type="unigram", pad_id=0, eos_id=1,
        unk_id=2, bos_id=-1, pad_piece="<pad>", hard_vocab_limit=False, num_threads=1, minloglevel=2, **more,
    )
    os.remove(corpus)
    os.remove(os.path.join(folder, "spiece.vocab"))
    return os.path.join(folder, "spiece.model")


def main():
    towers.pictures()
    names, images = towers.open_pictures()
    for name, c in CASES.items():
        folder = towers.fresh(name)
        tokenizer = SiglipTokenizer(vocabulary(folder), model_max_length=c["length"])
        w, h, i, patch, side = c["vision"]
        tw, th, ti, out = c["text"]
        model = SiglipModel(SiglipConfig(
            text_config=dict(
                vocab_size=tokenizer.vocab_size, hidden_size=tw, intermediate_size=ti, num_hidden_layers=2, num_attention_heads=th,
                max_position_embeddings=c["length"], projection_size=out,
            ),
            vision_config=dict(
                hidden_size=w, intermediate_size=i, num_hidden_layers=2, num_attention_heads=h, image_size=side, patch_size=patch,
            ),
        )).eval()
        towers.randomise(model, c["seed"])
        model.to(c["dtype"]).save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        SiglipImageProcessorPil(size={"height": side, "width": side}).save_pretrained(folder)
        if c.get("sparse"):

            def sparse(d):
                for part in ("text_config", "vision_config"):
                    for k in ("hidden_act", "layer_norm_eps", "num_channels", "attention_dropout", "dtype", "projection_size", "bos_token_id",
                              "eos_token_id", "pad_token_id", "max_position_embeddings", "vision_use_head"):
                        d[part].pop(k, None)

            towers.edit(folder, "config.json", sparse)

        model = SiglipModel.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
        tokenizer = SiglipTokenizer.from_pretrained(folder)
        processor = SiglipImageProcessorPil.from_pretrained(folder)
        pixel_values = processor(images=images, return_tensors="pt")["pixel_values"].float()
        ids = tokenizer(towers.TEXTS, padding="max_length", truncation=True, max_length=c["length"], return_tensors="pt")["input_ids"]
        with torch.no_grad():
            o = model(input_ids=ids, pixel_values=pixel_values)
            image = model.get_image_features(pixel_values=pixel_values)
            text = model.get_text_features(input_ids=ids)
        image = getattr(image, "pooler_output", image)
        text = getattr(text, "pooler_output", text)
        bare = [tokenizer(t, truncation=True, max_length=c["length"])["input_ids"] for t in towers.TEXTS]
        px = towers.to_uint8(pixel_values, processor.image_mean, processor.image_std)
        towers.write(name, names, px, towers.TEXTS, bare, image, text, o.logits_per_image)
        print(sorted(os.listdir(folder)))


if __name__ == "__main__":
    main()
