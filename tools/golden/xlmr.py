"""A small vocabulary like XLM-RoBERTa's, for the goldens of multilingual text towers."""
import os

import sentencepiece
from transformers import XLMRobertaTokenizer

import siglip

# What is rewritten before words are looked up: a few of the 9,000 rules of nmt_nfkc, whose table would be larger than
# the models. tokenizer.py tests the whole table.
RULES = {"ﬁ": "fi", "½": "1⁄2", "Ⅷ": "VIII", "㌔": "キロ", "　": " ", "\t": " ", "\n": " ", "\u00a0": " ", "\u200b": " ", "e\u0301": "é", "n\u0303": "ñ"}
RULES.update({chr(0xFF21 + i): chr(ord("A") + i) for i in range(26)})
RULES.update({chr(0xFF41 + i): chr(ord("a") + i) for i in range(26)})

MORE = ["кошка на крыше", "東京の猫", "गर्म चाय और बिल्ली", "แมวบนหลังคา", "السماء زرقاء", "Κόσμος ο μικρός ΟΔΟΣ", "bir KEDİ", "한국어"]


def rules(folder):
    """Writes RULES as SentencePiece's trainer reads them."""
    path = os.path.join(folder, "rules.tsv")
    with open(path, "w") as f:
        for a, b in RULES.items():
            f.write(" ".join(f"{ord(c):X}" for c in a) + "\t" + " ".join(f"{ord(c):X}" for c in b) + "\n")
    return path


def vocabulary(folder):
    """Writes tokenizer.json of an XLMRobertaTokenizer: <s> 0, <pad> 1, </s> 2, <unk> 3, …, <mask>; says how many there are."""
    corpus, tsv = os.path.join(folder, "corpus.txt"), rules(folder)
    with open(corpus, "w") as f:
        for i in range(400):
            f.write(" ".join(siglip.WORDS[(i * 7 + j * (1 + i % 5)) % len(siglip.WORDS)] for j in range(9)) + "\n")
            f.write(MORE[i % len(MORE)] + "\n")
    model = os.path.join(folder, "sentencepiece.bpe")
    sentencepiece.SentencePieceTrainer.train(
        input=corpus, model_prefix=model, vocab_size=260, model_type="unigram", bos_id=1, eos_id=2, unk_id=0, pad_id=-1,
        normalization_rule_tsv=tsv, hard_vocab_limit=False, num_threads=1, minloglevel=2,
    )
    with open(os.path.join(folder, "config.json"), "w") as f:
        f.write('{"model_type": "xlm-roberta"}')
    tokenizer = XLMRobertaTokenizer.from_pretrained(folder)
    for file in (corpus, tsv, model + ".model", model + ".vocab", os.path.join(folder, "config.json")):
        os.remove(file)
    tokenizer.save_pretrained(folder)
    return len(tokenizer)
