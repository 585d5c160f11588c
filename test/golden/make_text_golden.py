"""Make test/text/golden/: ids and texts from Hugging Face `tokenizers` and `transformers`, which the text tests compare with.

usage: python test/golden/make_text_golden.py      (needs tokenizers, transformers, jinja2)

golden.json has, for the bundled byte-level vocabulary and for a small SentencePiece-style one that is trained here
(metaspace, byte fallback, so the other kind of decoder is covered too): `cases`, pairs of text and ids with special tokens
switched off, and `decodes`, pairs of ids and text; and `chats`, conversations with the ids of `apply_chat_template`.
"""
import json, random
from pathlib import Path
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
import tokenizers, transformers

root = Path(__file__).resolve().parents[2]
model, out = root / "models/rotor-tiny", root / "test/text/golden"
out.mkdir(parents=True, exist_ok=True)
rng = random.Random(7)

FIXED = [
    "", " ", "  ", "\n", "\r\n", "\t", "\n\n\n", " \n ", "a", " a", "a ", "Hello, world!", "don't  stop\n\n", "I'M we'LL it'\u017f ok", "'s's'S", "it's 5 o'clock",
    "1234567", "0", "007", "3.14159e-10", "1,000,000", "\u0663\u0661\u0664", "\u00bd\u00be \u2167", "x\u00b2+y\u00b3", "<|begin_of_text|>", "<|eot_id|>", "a<|eot_id|>b", "<|end_of_text|><|end_of_text|>",
    "<|eot_id", "|eot_id|>", "<|EOT_ID|>", "<| eot_id |>", "\U0001f44d\U0001f3fd", "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466", "\U0001f1e9\U0001f1ea\U0001f1eb\U0001f1f7", "e\u0301 \u00e9 E\u0302\u0323",
    "Z\u0351\u036ba\u0363\u0321l\u034fg\u0329\u0303o\u031d", "\u4f60\u597d\uff0c\u4e16\u754c", "\u3053\u3093\u306b\u3061\u306f\u3000\u4e16\u754c", "\uc548\ub155 \u1112\u1161\u11ab", "\u0645\u0631\u062d\u0628\u0627 \u0628\u0627\u0644\u0639\u0627\u0644\u0645", "\u05e9\u05dc\u05d5\u05dd", "\u041f\u0440\u0438\u0432\u0435\u0442, \u043c\u0438\u0440!",
    "\u0928\u092e\u0938\u094d\u0924\u0947", "\u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35", "\ufeffBOM", "mid\ufeffdle", "\u00a0nbsp\u00a0", "\u2028\u2029", "\u0085nel\u0085x", "\u200b\u200czero", "\x00\x01\x7f", "\ufffd", "\ue000\uf8ff private \U000f0000", "\U0010ffff",
    "def f(x):\n    return x ** 2  # square\n", "for (let i = 0; i < n; i++) {\n\ta[i] += 1;\n}\r\n", "<div class=\"a\">&amp;</div>", "http://example.org/a?b=c&d=%20#e", "C:\\\\path\\to", "\u2211_{i=1}^{n} x_i \u2264 \u221e", "\u201cquoted\u201d \u2014 dash\u2026",
    "a" * 300, " " * 300, "\n" * 40, "ab" * 150, "9" * 50, "\U0001f600" * 20, "And the LORD said unto Moses, Speak unto the children of Israel.", "Call me Ishmael. Some years ago\u2014never mind how long precisely\u2014", "THE STATE OF THE UNION", "caf\u00e9 na\u00efve \u0152uvre stra\u00dfe \u0130stanbul",
    "\u1e9e\u00df\u0149\ufb01", "\u01c5\u01c8", "_under_score__", "!!!???...", "a\u0300\u0301\u0302b", "\u2581 metaspace \u2581\u2581", "<0x41><0xE2>", "<unk>", "</s>", "trailing \n", "\r", "a\rb", "x \r\n y", "\v\f",
]
PIECES = ["the ", " and", "LORD", " ", "  ", "\n", "\r\n", "\t", "'", "'s", "'LL", "1", "42", "2024", ".", ",", "!?", "-", "\u2014", "\u00e9", "e\u0301", "\u00df", "\u4e16", "\u754c", "\U0001f600", "\U0001f3fd", "\u200d", "\ufe0f", "\u0301", "\u00a0", "\u3000",
          "\u0085", "\ufeff", "<|eot_id|>", "<|", "|>", "_", "\\", "\"", "{", "}", "\u05d0", "\u0627", "\u0915", "\u094d", "\ud55c", "\u0660", "\u00b2", "\u2167", "\ue000", "\U000e0041", "\x00", "whale", "Captain", "zqx", "Q"]
texts = FIXED + ["".join(rng.choice(PIECES) for _ in range(rng.randint(2, 14))) for _ in range(170)]
val = (model / "val.txt").read_text(encoding="utf-8")
texts += [val[s:s + rng.randint(5, 160)] for s in (rng.randrange(len(val) - 200) for _ in range(20))]

def sentencepiece_like():
    tok = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    tok.normalizer = normalizers.Sequence([normalizers.Prepend("\u2581"), normalizers.Replace(" ", "\u2581")])
    tok.decoder = decoders.Sequence([decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    special = ["<unk>", "<s>", "</s>"]
    trainer = trainers.BpeTrainer(vocab_size=700, special_tokens=special + [f"<0x{b:02X}>" for b in range(256)], show_progress=False)
    plain = Tokenizer(models.BPE()); plain.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    plain.train_from_iterator([val[:20000]], trainer)
    state, trained = json.loads(tok.to_str()), json.loads(plain.to_str())
    state["model"]["vocab"], state["model"]["merges"] = trained["model"]["vocab"], trained["model"]["merges"]
    state["added_tokens"] = [t for t in trained["added_tokens"] if t["content"] in special]  # byte tokens are ordinary entries
    return state

def record(tok):
    tok.encode_special_tokens = True  # text is data: special tokens written in it are ordinary text
    size = tok.get_vocab_size()
    sequences = [[rng.randrange(size) for _ in range(rng.randint(1, 12))] for _ in range(40)]
    return {"cases": [[t, tok.encode(t, add_special_tokens=False).ids] for t in texts],
            "decodes": [[ids, tok.decode(ids, skip_special_tokens=False)] for ids in sequences]}

(out / "sentencepiece").mkdir(exist_ok=True)
state = sentencepiece_like()
(out / "sentencepiece/tokenizer.json").write_text(json.dumps(state, ensure_ascii=False, separators=(",", ":")), encoding="utf-8")
(out / "sentencepiece/tokenizer_config.json").write_text(json.dumps({"bos_token": {"content": "<s>"}, "eos_token": "</s>", "unk_token": "<unk>"}), encoding="utf-8")

TEMPLATES = {
    "own": None,
    "llama3": "{% set loop_messages = messages %}{% for message in loop_messages %}{% set content = '<|start|>' + message['role'] + '<|end|>\n\n'+ message['content'] | trim + '<|eot_id|>' %}{% if loop.index0 == 0 %}{% set content = bos_token + content %}{% endif %}{{ content }}{% endfor %}{% if add_generation_prompt %}{{ '<|start|>assistant<|end|>\n\n' }}{% endif %}",
    "chatml": "{%- for m in messages %}\n{{- '[' + m.role + ']\n' + m.content + eos_token + '\n' }}\n{%- endfor %}\n{%- if add_generation_prompt %}\n    {{- '[assistant]\n' }}\n{%- endif %}",
}
CHATS = [
    [["user", "Hi"]],
    [["system", "You are helpful."], ["user", "Hi"], ["assistant", "Hello!"], ["user", "2+2?"]],
    [["user", "  spaces around \n"]],
    [["user", ""]],
    [["user", "caf\u00e9 \U0001f468\u200d\U0001f469\u200d\U0001f467 e\u0301"], ["assistant", "> quoted <|"], ["user", "a < b | c > d"]],
    [["user", "line one\n\nline two\n"], ["assistant", "\u4f60\u597d"]],
]
hf = transformers.AutoTokenizer.from_pretrained(model)
chats = []
for name, template in TEMPLATES.items():
    for chat in CHATS:
        for generate in (True, False):
            messages = [{"role": r, "content": c} for r, c in chat]
            text = hf.apply_chat_template(messages, chat_template=template, add_generation_prompt=generate, tokenize=False)
            ids = hf(text, add_special_tokens=False)["input_ids"]
            chats.append({"template": name, "messages": messages, "generate": generate, "text": text, "ids": ids})

golden = {"tokenizers": tokenizers.__version__, "transformers": transformers.__version__,
          "templates": {k: v for k, v in TEMPLATES.items() if v}, "bundled": record(Tokenizer.from_file(str(model / "tokenizer.json"))),
          "sentencepiece": record(Tokenizer.from_str(json.dumps(state))), "chats": chats}
(out / "golden.json").write_text(json.dumps(golden, ensure_ascii=True, separators=(",", ":")) + "\n", encoding="utf-8")
print(len(texts), "texts,", len(chats), "chats")
