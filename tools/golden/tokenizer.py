#!/usr/bin/env python3
"""Goldens of package text's tokenizers: small tokenizers of every kind, and what the reference libraries make of an
adversarial corpus. Run with the versions of requirements.txt; writes text/testdata/tokenizer.

  corpus.json   the strings
  kinds.json.gz for every kind: its folder (names of files under files/) and the ids of every string
  parts.json.gz for every normalizer, pre-tokenizer and decoder: its JSON and what it makes of the strings
  openclip.json.gz what open_clip's SimpleTokenizer makes of the strings over clip-files' vocabulary
  clean.json.gz ftfy.fix_text, html.unescape, open_clip's cleanings
  unicode.json.gz  the code points of every class the libraries use
Long results are kept as [count, crc32].
"""
import gzip, hashlib, html, json, os, random, re, shutil, struct, tempfile, zlib
import ftfy, regex, sentencepiece as spm
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
import transformers
from transformers import AutoTokenizer

os.environ["TOKENIZERS_PARALLELISM"] = "false"
OUT = os.path.join(os.path.dirname(__file__), "../../text/testdata/tokenizer")
rnd = random.Random(7)

TRAIN = """a photo of a cat sitting on a red car. The quick brown fox jumps over the lazy dog! it's 12:30, isn't it? they'll we've I'm you're he'd
Two cats and three dogs are playing in the garden near the old house by the river at sunset over the water.
Ein Bild von einer Straße mit schönen Häusern, größer als früher. Une photo d'un garçon à l'école, très élégant naïve café.
фотография кошки на столе, Привет мир как дела сегодня. φωτογραφία μιας γάτας Όλα καλά ΟΔΥΣΣΕΥΣ.
一只猫坐在红色的汽车上。日本語のテキスト、カタカナとひらがな。고양이 사진 한국어 텍스트. صورة قطة على الطاولة مرحبا بالعالم. תמונה של חתול
emoji 😀 😂 ❤️ 👍🏽 👩‍👩‍👧‍👦 🏳️‍🌈 🇩🇪 and symbols © ® ™ € £ ¥ § ± × ÷ → ← ∞ ≠ 1234567890 3.14159 1,000,000 $5.00 50%
def main(argc, argv):\n    return [x ** 2 for x in range(10)]  # comment\n\tif (a && b) || !c { printf("%d\\n", x); }
http://example.com/path?query=value&other=1#anchor user@example.com C:\\Windows\\System32 /usr/local/bin""".split("\n") * 4

FIXED = [
    "", " ", "  ", "\n", "\t \n ", "a", "A", "the", " the", "the ", "  two  spaces  ", "a photo of a cat", "A Photo OF a CAT!",
    "it's they'll WE'VE I'M you're he'd don't can't 'tis 's", "12345 67 8 9.10 1,000", "３４５ Ⅷ ½ ² ٣٤ १२", "hello\u00a0world\u00a0",
    "tab\tnew\nline\r\ncarriage\rform\x0cvert\x0b", "\x00nul \x01\x02 \x7f del \x80\x85\x9f", "zero\u200bwidth\u200cjoin\u200der\ufeffbom\u2060",
    "e\u0301 cafe\u0301 a\u0308\u0323 \u0301 start", "é è ñ ü ß ŉ ǆ ﬁ ﬃ ſ K Å", "İstanbul ıI ΣΑΣ ὈΔΥΣΣΕΎΣ ς Σ", "ÀÉÎÕÜ ǅ ẞ Ω K",
    "😀", "😀😃😄", "👍🏽👩‍👩‍👧‍👦🏳️‍🌈🇩🇪🇺🇸", "❤️ ❤ ☺️", "🫠🪿🩷 new", "a😀b", "日本語テキスト", "一只猫坐在车上", "ｶﾀｶﾅ ＡＢＣ　１２３", "한국어 텍스트 각 각",
    "مرحبا بالعالم", "שָׁלוֹם עולם", "हिन्दी क्षि", "ไทยภาษา", "ភាសាខ្មែរ", "Привет, мир!", "ΟΔΥΣΣΕΥΣ ΟΔΟΣ.",
    "&amp; &lt;b&gt; &quot;q&quot; &nbsp;x &eacute; &#233; &#xE9; &#128512; &notit; &amp;amp; &copy &AMP; &EACUTE; &bogus;",
    "<|startoftext|>", "<|endoftext|>", "a <|endoftext|> b", "<|endoftext|><|endoftext|>", "x<|startoftext|>y <|ENDOFTEXT|>", "<s>hi</s>", "</s>", "a</s> b <pad>c<unk>d<mask> e",
    "[CLS] x [SEP] [MASK][PAD] [UNK] [cls]", "<bos>a<eos><pad>", "<extra_id_0> x <extra_id_99>", "<|im_start|>user\nhi<|im_end|>", "<image><row_1_col_1> <fake>", "<0x41><0x0A>", "▁a ▁▁ b▁", "Ġhello Ċ", "##ing ##",
    "schÃ¶n cafÃ© donâ€™t â€œquotesâ€\x9d naÃ¯ve â‚¬5", "Ð¿Ñ€Ð¸Ð²ÐµÑ‚", "æ—¥æœ¬èªž", "ðŸ˜€ smile", "voilÃ le travail", "Ã la mode", "l’humanité “curly” ‘quotes’ „low‟", "LOUD　ＮＯＩＳＥＳ ﬂuﬃeﬆ", "\x1b[36;44mblue\x1b[0m", "â€œ like this â€�",
    "http://example.com/a_b?c=d&e=f#g", "user@example.com", "C:\\Windows\\x", "a_b__c-d--e", "...!!!???", "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", "x=1;y=2;\n\n\n  z", "if(a){b}else{c}", "$5.00 €10 50%", "No.1 e.g. U.S.A.",
    "\ufffd \ufffd\ufffd lone", "\ufeff\ufeffbom", "\u2028line\u2029para", "\u202eRTL\u202c", "Z̸̢̛͔a̷͎̕l̶̰͝g̴̣̔ȏ̵̱", "𝒜𝓁𝑔𝑒𝒷𝓇𝒶 𝟙𝟚𝟛", "𠀀𪚥", "\U000e0041\U000e0042 tags", "\ue000 private \U0010ffff",
    "a" * 99, "a" * 101, "ab" * 60, "aaaa bbbb " * 30, "x" * 400, "😀" * 50, "the cat " * 200, "日" * 150, "\u0301" * 40, " " * 300 + "x", "\n" * 40, "1" * 120, "a b " * 100, "-" * 200,
    "supercalifragilisticexpialidocious antidisestablishmentarianism", "ThisIsCamelCase and snake_case and kebab-case", "I\u2019m don\u2019t \u2018q\u2019", "ſ'ſ 'S 'LL 'Re 'ſ", "a\u0345b ᾳ ΐ ΰ", "ﷺ ﷽ ㎏ ㍿ ㋿ ①②", "ǰ ẖ ẗ", "A\u030a \u212b \u00c5", "\u1100\u1161\u11a8 가", "क\u093c \u0958",
]

def fuzz(n):
    pools = ["abcdefghij klmnop qrst ", "ABCDEF xyz'", "0123456789 .,", "éèüßñøåæœ ", "абвгд ежзи", "日本語中文字 ", "😀👍🏽\u200d❤️", "\u00a0\u2003\u3000 \t\n\r", "\u0301\u0308\u0323\u0345a", "!\"#$%&'()*+-/:;<=>?@[]_{|}~", "ÃÂâ€™Ð¿æ", "مرحبا ", "\u200b\u200c\u200d\ufeff\x00\x1f\x7f\x85", "ſKİıΣς", "▁Ġ#<>"]
    specials = ["<|endoftext|>", "<|startoftext|>", "</s>", "<s>", "[SEP]", "<unk>", "&amp;", "&eacute;", "'s", "'ll", "<pad>", " <mask> ", "<image>", "<eos>"]
    out = []
    for _ in range(n):
        s = ""
        for _ in range(rnd.randint(1, 9)):
            r = rnd.random()
            if r < 0.1: s += rnd.choice(specials)
            elif r < 0.2: s += "".join(chr(c) for c in (rnd.randint(0x20, 0x2fff) for _ in range(rnd.randint(1, 5))))
            elif r < 0.25: s += "".join(chr(c) for c in (rnd.randint(0x3000, 0x1ffff) for _ in range(3)) if not 0xd800 <= c <= 0xdfff)
            else:
                p = rnd.choice(pools); s += "".join(rnd.choice(p) for _ in range(rnd.randint(1, 12)))
        out.append(s)
    return out

CORPUS = FIXED + fuzz(520)
words = [w for line in TRAIN for w in line.split()]
CORPUS.append(" ".join(rnd.choice(words) for _ in range(2000))[:10000])
CORPUS.append("".join(rnd.choice(CORPUS[i % len(FIXED)] or " ") for i in range(10000)))

def crc(ids): return zlib.crc32(b"".join(struct.pack("<i", i) for i in ids))
def pack(ids): return ids if len(ids) <= 60 else {"n": len(ids), "crc": crc(ids)}
def packtext(s): return zlib.crc32(s.encode("utf-8", "replace"))
def write(name, obj):
    data = json.dumps(obj, ensure_ascii=True, separators=(",", ":")).encode()
    with open(os.path.join(OUT, name), "wb") as f:
        f.write(gzip.compress(data, 9, mtime=0) if name.endswith(".gz") else data)

kinds = {}
def keep(folder):
    files = {}
    for n in sorted(os.listdir(folder)):
        b = open(os.path.join(folder, n), "rb").read()
        h = hashlib.sha256(b).hexdigest()[:12] + ".gz"
        with open(os.path.join(OUT, "files", h), "wb") as f: f.write(gzip.compress(b, 9, mtime=0))
        files[n] = h
    return files

def kind(name, files, config, model_type, max_length=20):
    """files: name -> bytes or str; config: tokenizer_config.json or None."""
    d = tempfile.mkdtemp()
    for n, b in files.items():
        open(os.path.join(d, n), "wb").write(b if isinstance(b, bytes) else b.encode())
    if config is not None: open(os.path.join(d, "tokenizer_config.json"), "w").write(json.dumps(config))
    open(os.path.join(d, "config.json"), "w").write(json.dumps({"model_type": model_type}))
    t = AutoTokenizer.from_pretrained(d)
    rows = []
    for s in CORPUS:
        ids = t(s, add_special_tokens=True)["input_ids"]
        plain = t(s, add_special_tokens=False)["input_ids"]
        cut = t(s, truncation=True, max_length=max_length)["input_ids"]
        row = [pack(ids), crc(plain), crc(cut)]
        if name != "siglip": row += [packtext(t.decode(ids)), packtext(t.decode(ids, skip_special_tokens=True))]
        rows.append(row)
    kinds[name] = {"files": keep(d), "class": type(t).__name__, "rows": rows, "max": max_length, "size": len(t)}
    print(name, type(t).__name__, len(t))
    shutil.rmtree(d)

def train(tok, trainer): tok.train_from_iterator(TRAIN, trainer); return tok
def js(tok): return tok.to_str()
def vocab_merges(tok):
    m = json.loads(tok.to_str())["model"]
    return json.dumps(m["vocab"], ensure_ascii=False), "#version: 0.2\n" + "".join(" ".join(p) + "\n" for p in m["merges"])

def make_kinds():
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    # CLIP: word-end suffix over the byte alphabet
    clip = Tokenizer(models.BPE(end_of_word_suffix="</w>", unk_token="<|endoftext|>"))
    clip.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()])
    clip.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"), "removed", invert=True), pre_tokenizers.ByteLevel(add_prefix_space=False)])
    train(clip, trainers.BpeTrainer(vocab_size=900, initial_alphabet=alphabet, end_of_word_suffix="</w>", show_progress=False))
    v, m = vocab_merges(clip)
    vocab = {c: i for i, c in enumerate(alphabet)}
    for c in alphabet: vocab[c + "</w>"] = len(vocab)
    for a, b in (l.split(" ") for l in m.split("\n")[1:] if l): vocab.setdefault(a + b, len(vocab))
    vocab["<|startoftext|>"] = len(vocab); vocab["<|endoftext|>"] = len(vocab)
    v = json.dumps(vocab, ensure_ascii=False)
    cfg = {"tokenizer_class": "CLIPTokenizer", "bos_token": "<|startoftext|>", "eos_token": "<|endoftext|>", "unk_token": "<|endoftext|>", "pad_token": "<|endoftext|>", "model_max_length": 77}
    kind("clip-files", {"vocab.json": v, "merges.txt": m}, cfg, "clip")
    old = {"bos_token": {"__type": "AddedToken", "content": "<|startoftext|>", "lstrip": False, "normalized": True, "rstrip": False, "single_word": False}, "pad_token": "!", "tokenizer_class": "CLIPTokenizer", "add_prefix_space": False, "do_lower_case": True}
    kind("clip-old", {"vocab.json": v, "merges.txt": m, "special_tokens_map.json": json.dumps({"eos_token": {"content": "<|endoftext|>", "lstrip": False, "normalized": True, "rstrip": False, "single_word": False}, "unk_token": "<|endoftext|>"})}, old, "clip")
    d = tempfile.mkdtemp(); open(d + "/v", "w").write(v); open(d + "/m", "w").write(m)
    transformers.CLIPTokenizer(d + "/v", d + "/m").save_pretrained(d + "/o")
    # OpenCLIP's own tokenizer over the same vocabulary
    from open_clip.tokenizer import SimpleTokenizer
    st = SimpleTokenizer(); names = list(vocab)
    st.encoder = {("<start_of_text>" if t == "<|startoftext|>" else "<end_of_text>" if t == "<|endoftext|>" else t): i for t, i in vocab.items()}
    pairs = [tuple(l.split(" ")) for l in m.split("\n")[1:] if l]; st.bpe_ranks = dict(zip(pairs, range(len(pairs)))); st.cache = {t: t for t in ("<start_of_text>", "<end_of_text>")}
    sot, eot = st.encoder["<start_of_text>"], st.encoder["<end_of_text>"]
    texts = CORPUS + ["<start_of_text> a <end_of_text>", "<START_OF_TEXT>b", "'\u017f x'S", "e&#769; \ua7dc\u1c89 \U00012475"]
    write("openclip.json.gz", [[s, pack([sot] + st.encode(s) + [eot])] for s in texts])
    kind("clip-json", {"tokenizer.json": open(d + "/o/tokenizer.json").read()}, json.load(open(d + "/o/tokenizer_config.json")), "clip")
    kind("clip-plain", {"tokenizer.json": open(d + "/o/tokenizer.json").read()}, {"tokenizer_class": "PreTrainedTokenizerFast"}, "nonesuch")
    # GPT-2, RoBERTa
    gpt = Tokenizer(models.BPE()); gpt.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False); gpt.decoder = decoders.ByteLevel()
    train(gpt, trainers.BpeTrainer(vocab_size=800, initial_alphabet=alphabet, special_tokens=["<s>", "<pad>", "</s>", "<unk>", "<mask>", "<|endoftext|>"], show_progress=False))
    v, m = vocab_merges(gpt)
    kind("gpt2", {"vocab.json": v, "merges.txt": m}, {"tokenizer_class": "GPT2Tokenizer", "model_max_length": 1024}, "gpt2")
    kind("gpt2-prefix", {"vocab.json": v, "merges.txt": m}, {"tokenizer_class": "GPT2Tokenizer", "add_prefix_space": True, "add_bos_token": True, "truncation_side": "left"}, "gpt2")
    kind("roberta", {"vocab.json": v, "merges.txt": m}, {"tokenizer_class": "RobertaTokenizer", "mask_token": {"__type": "AddedToken", "content": "<mask>", "lstrip": True, "normalized": False, "rstrip": False, "single_word": False}}, "roberta")
    # SmolVLM: digits, byte level, many added tokens
    smol = Tokenizer(models.BPE(byte_fallback=False)); smol.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False, trim_offsets=True, use_regex=True)]); smol.decoder = decoders.ByteLevel()
    train(smol, trainers.BpeTrainer(vocab_size=700, initial_alphabet=alphabet, special_tokens=["<|endoftext|>", "<|im_start|>", "<|im_end|>"], show_progress=False))
    smol.add_tokens([AddedToken("<image>", special=True, normalized=False), AddedToken("<fake>", special=True, rstrip=True), AddedToken("cat", single_word=True), AddedToken("  ", normalized=False), AddedToken("Über", normalized=True)] + [AddedToken(f"<row_{i}_col_{j}>", special=True, normalized=False) for i in (1, 2) for j in (1, 2)])
    kind("smolvlm", {"tokenizer.json": js(smol)}, {"tokenizer_class": "GPT2Tokenizer", "eos_token": "<end_of_utterance>", "additional_special_tokens": ["<image>", "<end_of_utterance>"]}, "smolvlm")
    # llama 2: BPE over spaces with byte fallback
    lm = Tokenizer(models.BPE(byte_fallback=True, fuse_unk=True, unk_token="<unk>"))
    lm.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    lm.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    train(lm, trainers.BpeTrainer(vocab_size=900, special_tokens=["<unk>", "<s>", "</s>"] + [f"<0x{i:02X}>" for i in range(256)], show_progress=False, limit_alphabet=120))
    lm.post_processor = processors.TemplateProcessing(single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", 1)])
    j = json.loads(js(lm)); j["added_tokens"] = [dict(t, normalized=False) for t in j["added_tokens"] if not t["content"].startswith("<0x")]
    llama = json.dumps(j, ensure_ascii=False)
    kind("llama-plain", {"tokenizer.json": llama}, {"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}, "llama")
    kind("llama-class", {"tokenizer.json": llama}, {"tokenizer_class": "LlamaTokenizer", "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}, "idefics2")
    kind("llama-legacy", {"tokenizer.json": llama}, {"tokenizer_class": "LlamaTokenizerFast", "legacy": True}, "idefics2")
    # Gemma and SigLIP 2
    ge = Tokenizer(models.BPE(byte_fallback=True, fuse_unk=True, unk_token="<unk>")); ge.normalizer = normalizers.Replace(" ", "▁"); ge.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous"); ge.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    train(ge, trainers.BpeTrainer(vocab_size=800, special_tokens=["<pad>", "<eos>", "<bos>", "<unk>", "<mask>", "\n\n", "\n", "\t"] + [f"<0x{i:02X}>" for i in range(256)], show_progress=False, max_token_length=12))
    ge.post_processor = processors.TemplateProcessing(single="$A <eos>", pair="$A <eos> $B <eos>", special_tokens=[("<eos>", 1)])
    j = json.loads(js(ge)); j["added_tokens"] = [dict(t, special=t["content"][0] == "<") for t in j["added_tokens"] if not t["content"].startswith("<0x")]
    gemma = json.dumps(j, ensure_ascii=False)
    kind("gemma", {"tokenizer.json": gemma}, {"tokenizer_class": "GemmaTokenizer", "bos_token": "<bos>", "eos_token": "<eos>", "pad_token": "<pad>", "unk_token": "<unk>"}, "siglip")
    kind("siglip2", {"tokenizer.json": gemma}, {"tokenizer_class": "Siglip2Tokenizer", "bos_token": "<bos>", "eos_token": "<eos>", "pad_token": "<pad>", "unk_token": "<unk>"}, "siglip2")
    # llama 3 and Qwen 2
    l3 = Tokenizer(models.BPE(ignore_merges=True)); l3.decoder = decoders.ByteLevel()
    l3.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    train(l3, trainers.BpeTrainer(vocab_size=800, initial_alphabet=alphabet, special_tokens=["<|begin_of_text|>", "<|end_of_text|>", "<|im_start|>", "<|im_end|>", "<|endoftext|>"], show_progress=False))
    l3.post_processor = processors.Sequence([processors.ByteLevel(trim_offsets=True), processors.TemplateProcessing(single="<|begin_of_text|> $A", pair="<|begin_of_text|> $A <|begin_of_text|> $B", special_tokens=[("<|begin_of_text|>", 0)])])
    kind("llama3", {"tokenizer.json": js(l3)}, {"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": "<|begin_of_text|>", "eos_token": "<|end_of_text|>"}, "llama")
    v, m = vocab_merges(l3)
    kind("qwen2", {"vocab.json": v, "merges.txt": m}, {"tokenizer_class": "Qwen2Tokenizer", "added_tokens_decoder": {"3": {"content": "<|im_end|>", "lstrip": False, "normalized": False, "rstrip": False, "single_word": False, "special": True}}, "eos_token": "<|im_end|>", "pad_token": "<|endoftext|>"}, "qwen2_vl")
    # BERT
    for cased in (False, True):
        wp = Tokenizer(models.WordPiece(unk_token="[UNK]")); wp.normalizer = normalizers.BertNormalizer(lowercase=not cased); wp.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        train(wp, trainers.WordPieceTrainer(vocab_size=700, special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"], show_progress=False))
        v = json.loads(js(wp))["model"]["vocab"]; txt = "".join(t + "\n" for t, _ in sorted(v.items(), key=lambda x: x[1]))
        kind("bert-cased" if cased else "bert-uncased", {"vocab.txt": txt}, {"tokenizer_class": "BertTokenizer", "do_lower_case": not cased, "model_max_length": 512}, "blip")
    d = tempfile.mkdtemp(); open(d + "/v", "w").write(txt)
    transformers.BertTokenizer(d + "/v", tokenize_chinese_chars=False, strip_accents=False).save_pretrained(d + "/o")
    kind("bert-json", {"tokenizer.json": open(d + "/o/tokenizer.json").read()}, dict(json.load(open(d + "/o/tokenizer_config.json")), clean_up_tokenization_spaces=True), "vilt")
    # SentencePiece
    def sp(name, **kw):
        p = os.path.join(tempfile.mkdtemp(), "m")
        spm.SentencePieceTrainer.train(sentence_iterator=iter(TRAIN), model_prefix=p, minloglevel=2, num_threads=1, **({"hard_vocab_limit": False} if kw["model_type"] == "unigram" else {}), **kw)
        return open(p + ".model", "rb").read()
    uni = sp("t5", vocab_size=420, model_type="unigram", pad_id=0, eos_id=1, unk_id=2, bos_id=-1)
    kind("t5", {"spiece.model": uni}, {"tokenizer_class": "T5Tokenizer", "eos_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>", "extra_ids": 100}, "t5")
    kind("siglip", {"spiece.model": uni}, {"tokenizer_class": "SiglipTokenizer", "do_lower_case": True, "eos_token": "</s>", "pad_token": "</s>", "unk_token": "<unk>", "model_max_length": 64}, "siglip")
    kind("siglip-bare", {"spiece.model": uni}, {"tokenizer_class": "SiglipTokenizer", "legacy": False}, "siglip")
    xlm = sp("xlmr", vocab_size=420, model_type="unigram", bos_id=1, eos_id=2, unk_id=0, pad_id=-1, user_defined_symbols=["<image>"])
    kind("xlmr", {"sentencepiece.bpe.model": xlm}, {"tokenizer_class": "XLMRobertaTokenizer"}, "xlm-roberta")
    plain = sp("plain", vocab_size=700, model_type="unigram", byte_fallback=True, normalization_rule_name="identity")
    kind("spm-plain", {"tokenizer.model": plain}, {"tokenizer_class": "PreTrainedTokenizerFast"}, "phi3")
    bpe = sp("bpe", vocab_size=600, model_type="bpe", byte_fallback=True, normalization_rule_name="identity", remove_extra_whitespaces=False)
    kind("llama-spm", {"tokenizer.model": bpe}, {"tokenizer_class": "LlamaTokenizer", "add_bos_token": True, "add_eos_token": False, "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}, "idefics2")
    d = tempfile.mkdtemp(); open(d + "/sentencepiece.bpe.model", "wb").write(xlm); open(d + "/config.json", "w").write('{"model_type":"xlm-roberta"}')
    transformers.XLMRobertaTokenizer.from_pretrained(d).save_pretrained(d + "/o")
    kind("xlmr-json", {"tokenizer.json": open(d + "/o/tokenizer.json").read()}, json.load(open(d + "/o/tokenizer_config.json")), "metaclip_2")
    ug = Tokenizer(models.Unigram()); ug.normalizer = normalizers.Sequence([normalizers.Nmt(), normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")]); ug.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first"); ug.decoder = decoders.Metaspace(prepend_scheme="first")
    train(ug, trainers.UnigramTrainer(vocab_size=500, unk_token="<unk>", special_tokens=["<unk>", "<s>", "</s>"], show_progress=False))
    ug.post_processor = processors.BertProcessing(("</s>", 2), ("<s>", 1))
    kind("unigram", {"tokenizer.json": js(ug)}, {"tokenizer_class": "PreTrainedTokenizerFast", "unk_token": "<unk>", "pad_token": "<pad>"}, "nonesuch")
    wl = Tokenizer(models.WordLevel(unk_token="[UNK]")); wl.normalizer = normalizers.Sequence([normalizers.NFD(), normalizers.StripAccents(), normalizers.Lowercase(), normalizers.Strip()]); wl.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Whitespace(), pre_tokenizers.Punctuation("contiguous")])
    train(wl, trainers.WordLevelTrainer(vocab_size=300, special_tokens=["[UNK]", "[SEP]"], show_progress=False))
    kind("wordlevel", {"tokenizer.json": js(wl)}, {"tokenizer_class": "PreTrainedTokenizerFast"}, "nonesuch")

def make_parts():
    N, P, D = normalizers, pre_tokenizers, decoders
    parts = []
    for n in [N.NFC(), N.NFD(), N.NFKC(), N.NFKD(), N.Lowercase(), N.Strip(), N.Strip(left=False), N.StripAccents(), N.Nmt(), N.ByteLevel(), N.Prepend("▁"), N.Replace("a", "bb"), N.Replace(Regex(r"\s+|a(?=t)"), "_"), N.BertNormalizer(), N.BertNormalizer(strip_accents=False, lowercase=False), N.BertNormalizer(handle_chinese_chars=False, clean_text=False), N.Sequence([N.NFKC(), N.Lowercase()])]:
        parts.append({"kind": "normalizer", "json": json.loads(n.__getstate__()), "out": [packtext(n.normalize_str(s)) for s in CORPUS]})
    pres = [P.ByteLevel(), P.ByteLevel(add_prefix_space=False, use_regex=False), P.Whitespace(), P.WhitespaceSplit(), P.BertPreTokenizer(), P.Metaspace(), P.Metaspace(prepend_scheme="first", split=False), P.Metaspace(prepend_scheme="never", replacement="_"), P.Punctuation(), P.Digits(), P.Digits(individual_digits=True), P.CharDelimiterSplit("a"), P.Sequence([P.WhitespaceSplit(), P.Punctuation("removed"), P.Metaspace(prepend_scheme="first")])]
    for b in ["removed", "isolated", "merged_with_previous", "merged_with_next", "contiguous"]:
        pres += [P.Split("-", b), P.Split(Regex(r"\p{L}\p{M}*|\d+(?:\.\d+)?|[^\S\n]+"), b), P.Split(Regex(r"\w+|\p{P}"), b, invert=True), P.Punctuation(b)]
    for rx in [r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+", r"[\r\n]|\s?\p{L}+|\s?\p{P}+|[一-龥ࠀ-一가-퟿]+|\p{N}", r"\p{Han}+|[[:alnum:]_]++|[^[:space:]]", r"(?<!\d)\d{3}(?!\d)|\bca?t\b|x*?y", r"(?>a+|ab)c?|.{2}$|^\S"]:
        pres.append(P.Split(Regex(rx), "isolated"))
    for p in pres:
        out = []
        for s in CORPUS: out.append(packtext("\x00".join(x for x, _ in p.pre_tokenize_str(s))))
        parts.append({"kind": "pre_tokenizer", "json": json.loads(p.__getstate__()), "out": out})
    toks = [[w for w in re.split(r"(?<=.{3})", s) if w][:40] or ["x"] for s in CORPUS[:150]] + [["<0xE6>", "<0x97>", "<0xA5>", "▁a", "b</w>", "##c", "<0xFF>", "n't", "Ġd", "do not", "."]]
    for d in [D.ByteLevel(), D.BPEDecoder(), D.WordPiece(), D.WordPiece(cleanup=False), D.Metaspace(), D.Metaspace(prepend_scheme="never"), D.ByteFallback(), D.Fuse(), D.Replace("▁", " "), D.Replace(Regex("[aeiou]+"), "*"), D.Strip("a", 1, 0), D.Sequence([D.Replace("▁", " "), D.ByteFallback(), D.Fuse(), D.Strip(" ", 1, 0)])]:
        parts.append({"kind": "decoder", "json": json.loads(d.__getstate__()), "out": [packtext(d.decode(t)) for t in toks]})
    write("parts.json.gz", {"parts": parts, "tokens": toks})

MOJIBAKE = ["schön", "café “quoted” — dash…", "naïve façade", "Привет мир", "日本語テキスト", "😀 smile 👍", "€ 5 £ 3", "l’humanité", "Ελληνικά γράμματα", "Żółć gęślą", "Ünïcödé ’tis", "مرحبا", "a b", "às vezes à la carte", "100° ½ ©®™", "“ ” ‘ ’ – — …", "Türkçe ığüşöç", "“A” – ‘b’ (…) • ¡Hola! ¿Qué?"]
def make_clean():
    from open_clip.tokenizer import basic_clean, get_clean_fn
    texts = list(CORPUS[:len(FIXED)])
    for s in MOJIBAKE:
        for enc in ["latin-1", "sloppy-windows-1252", "sloppy-windows-1251", "sloppy-windows-1250", "sloppy-windows-1253", "sloppy-windows-1254", "sloppy-windows-1257", "iso-8859-2", "macroman", "cp437"]:
            try: t = s.encode("utf-8").decode(enc)
            except UnicodeDecodeError: continue
            texts += [t, "well " + t + " then, café", t.replace("\xa0", " ")]
            try: texts.append(t.encode("utf-8").decode("sloppy-windows-1252"))
            except UnicodeDecodeError: pass
            texts.append("".join("\ufffd" if 0x80 <= ord(c) < 0xa0 else c for c in t))
    texts += CORPUS[len(FIXED):-2]
    chars = "".join(chr(c) for c in list(range(0x20, 0x180)) + list(range(0x2010, 0x2040)) + list(range(0x400, 0x460)) + [0x20ac, 0x2122, 0x2500, 0x2551, 0xfffd, 0x1a, 0x81])
    odd = "ÃÂâ€™œžŸÐ Ñð¿½ï»ØÙà²åæçé ¡£¥§°·"
    texts += ["".join(rnd.choice(odd if rnd.random() < 0.6 else chars) for _ in range(rnd.randint(2, 14))) for _ in range(900)]
    texts += ["&%s x &%s;" % (n, n) for n in ["amp", "notin", "not", "Eacute", "EACUTE", "szlig", "SZLIG", "fflig", "FFLIG", "x", "ampx", "copy", "hellip", "nbsp", "#39", "#x27", "#0", "#128", "#x80", "#x110000", "#xD800", "#11", "#xfffe", "Aacut", "lt", "semi", "fjlig", "NotEqualTilde", "amp;amp"]]
    rows = []
    for s in texts:
        s = s.encode("utf-8", "replace").decode()
        rows.append([s, packtext(ftfy.fix_text(s)), packtext(html.unescape(s)), packtext(get_clean_fn("lower")(s)), packtext(get_clean_fn("canonicalize")(s))])
    write("clean.json.gz", rows)

def make_unicode():
    cps = [c for c in range(0x110000) if not 0xD800 <= c <= 0xDFFF]
    def runs(f):
        out = []
        for c in cps:
            if f(chr(c)):
                if out and out[-1][1] == c - 1: out[-1][1] = c
                else: out.append([c, c])
        return out
    bert, accents, strip = normalizers.BertNormalizer(True, False, False, False), normalizers.BertNormalizer(False, False, True, False), normalizers.StripAccents()
    def splits(p): return lambda c: len(p.pre_tokenize_str("a" + c + "a")) > 1
    sets = {"clean": runs(lambda c: bert.normalize_str(c) == ""), "mn": runs(lambda c: accents.normalize_str(c) == ""), "marks": runs(lambda c: strip.normalize_str(c) == ""), "punct": runs(splits(pre_tokenizers.Punctuation())), "numeric": runs(splits(pre_tokenizers.Digits(False))), "space": runs(splits(pre_tokenizers.WhitespaceSplit()))}
    for r in [r"\p{L}", r"\p{N}", r"\s", r"\w", r"\d", r"\p{P}", r"\p{M}", r"\p{Lu}", r"\p{Ll}", r"\p{Lm}", r"\p{Lo}", r"\p{S}", r"\p{Han}", r"[[:punct:]]", r"[[:alnum:]]", r"[^\s\p{L}\p{N}]"]:
        p = pre_tokenizers.Split(Regex(r), "removed"); sets[r] = runs(lambda c: p.pre_tokenize_str(c) == [])
    for r in [r"\p{L}", r"\p{N}"]:
        rx = regex.compile(r); sets["regex " + r] = runs(lambda c: rx.match(c) is not None)
    maps = {}
    for name, n in dict(lower=normalizers.Lowercase(), nfc=normalizers.NFC(), nfkc=normalizers.NFKC(), nfkd=normalizers.NFKD()).items():
        h = 0
        for c in cps: h = zlib.crc32(n.normalize_str(chr(c)).encode() + b"\x00", h)
        maps[name] = h
    write("unicode.json.gz", {"sets": sets, "maps": maps})

if __name__ == "__main__":
    shutil.rmtree(OUT, ignore_errors=True); os.makedirs(OUT + "/files")
    write("corpus.json", CORPUS)
    make_kinds()
    write("kinds.json.gz", kinds)
    make_parts(); make_clean(); make_unicode()
    bad = [b"\xff\xfe", b"a\xc3", b"\xe6\x97", b"\xf0\x9f\x98x", b"\xed\xa0\x80", b"\xc0\xaf\xf5\x80", b"ok\x80\x81\xe2\x82", b"\xe0\x80\x80", b"\xf4\x90\x80\x80"]
    write("bytes.json", [[b.hex(), b.decode("utf-8", "replace")] for b in bad])
