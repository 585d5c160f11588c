#!/usr/bin/env python3
"""Write the two random-weight relatives of the packed BitNet that the tests need: model.safetensors + config.json.

usage: make_relatives.py masters|llama OUTDIR [--seed N]

masters  BitNet with bf16 master weights, ternarised at load (`quantization_mode: online`); one KV head, width 96
llama    Llama type: packed weights whose stored scale divides (`linear_class: bitlinear`), SiLU, no sub-norms,
         a separate head, an explicit head_dim (48) that is not hidden_size / heads, no bos
The norms are float32 with 24-bit fractions: products of bf16 norms and bf16 embeddings have so few bits that many lie
exactly halfway between two int8 codes, where every engine's last bit decides.
Needs numpy only. Sizes are small so that the files can be kept in the repository.
"""
import argparse
import json
import os
import struct
import zlib

import numpy as np

from make_checkpoint import bf16

SHAPES = {  # hidden, ffn, layers, heads, kv heads, head_dim, vocab
    "masters": (96, 256, 2, 3, 1, 32, 288),
    "llama": (128, 320, 2, 4, 2, 48, 300),
}


def config(kind):
    D, F, L, H, G, E, V = SHAPES[kind]
    shape = dict(hidden_size=D, intermediate_size=F, num_hidden_layers=L, num_attention_heads=H, num_key_value_heads=G,
                 vocab_size=V, max_position_embeddings=512, torch_dtype="bfloat16", eos_token_id=1)
    if kind == "masters":
        return dict(architectures=["BitNetForCausalLM"], model_type="bitnet", hidden_act="relu2", rms_norm_eps=1e-5,
                    rope_theta=500000.0, tie_word_embeddings=True, bos_token_id=0, **shape,
                    quantization_config=dict(quant_method="bitnet", linear_class="autobitlinear", quantization_mode="online"))
    return dict(architectures=["LlamaForCausalLM"], model_type="llama", hidden_act="silu", rms_norm_eps=1e-6, head_dim=E,
                rope_theta=1000042.0, tie_word_embeddings=False, bos_token_id=None, **shape,
                quantization_config=dict(quant_method="bitnet", modules_to_not_convert=None))


def tensors(kind, seed):
    """name -> (dtype name, array)"""
    D, F, L, H, G, E, V = SHAPES[kind]
    rng = lambda name: np.random.default_rng([zlib.crc32(name.encode()), seed])
    floats = lambda name, shape, mean, sd: ("BF16", bf16(mean + sd * rng(name).standard_normal(shape)))
    out = {}
    table = lambda name: out.__setitem__(name, floats(name, (V, D), 0, 0.05))
    norm = lambda name, n: out.__setitem__(name, ("F32", (0.5 + rng(name).random(n)).astype(np.float32)))
    table("model.embed_tokens.weight")
    norm("model.norm.weight", D)
    if kind == "llama":
        table("lm_head.weight")
    for l in range(L):
        p = f"model.layers.{l}."
        for name, rows, cols in (("self_attn.q_proj", H * E, D), ("self_attn.k_proj", G * E, D), ("self_attn.v_proj", G * E, D),
                                 ("self_attn.o_proj", D, H * E), ("mlp.gate_proj", F, D), ("mlp.up_proj", F, D), ("mlp.down_proj", D, F)):
            w = p + name + ".weight"
            if kind == "masters":
                out[w] = floats(w, (rows, cols), 0, 0.03 * (0.8 + 0.4 * rng(w + "sd").random()))
            else:
                code = rng(w).choice(np.array([0, 1, 2], np.uint8), size=(4, rows // 4, cols), p=[0.29, 0.42, 0.29])
                out[w] = ("U8", code[0] | code[1] << 2 | code[2] << 4 | code[3] << 6)
                out[w + "_scale"] = ("BF16", bf16([40 * (0.8 + 0.4 * rng(w + "_scale").random())]))
        norm(p + "input_layernorm.weight", D)
        norm(p + "post_attention_layernorm.weight", D)
        if kind == "masters":
            norm(p + "self_attn.attn_sub_norm.weight", D)
            norm(p + "mlp.ffn_sub_norm.weight", F)
    return out


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("kind", choices=SHAPES)
    ap.add_argument("out")
    ap.add_argument("--seed", type=int, default=0)
    a = ap.parse_args()
    os.makedirs(a.out, exist_ok=True)
    head, at, data = {"__metadata__": {"format": "pt"}}, 0, tensors(a.kind, a.seed)
    for name, (dtype, x) in data.items():
        head[name] = {"dtype": dtype, "shape": list(x.shape), "data_offsets": [at, at + x.nbytes]}
        at += x.nbytes
    text = json.dumps(head, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(os.path.join(a.out, "model.safetensors"), "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + b"".join(x.tobytes() for _, x in data.values()))
    with open(os.path.join(a.out, "config.json"), "w") as f:
        json.dump(config(a.kind), f, indent=2)
    print(f"{a.out}: {len(data)} tensors, {at} bytes of data")


if __name__ == "__main__":
    main()
