#!/usr/bin/env python3
"""Make every golden directory beside this file again: checkpoint, golden.json, golden.safetensors.

usage: make.py [odd|masters|llama|small …] [--into DIR]      (all but small when none is named; small is 112 MB
and slow, so it is not kept and gets 8 cases of 8 new tokens)

Needs torch, transformers, accelerate and safetensors (the versions are recorded in golden.json). The definition is
reference64.py beside the bundled model; make_golden.py there compares it with transformers in float32.
The test run never calls this.
"""
import argparse
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
BUNDLED = os.path.join(HERE, "..", "..", "models", "rotor-tiny", "golden")
MAKERS = {
    "odd": lambda out: ["make_checkpoint.py", out, "--shape", "odd"],
    "small": lambda out: ["make_checkpoint.py", out, "--shape", "small"],
    "masters": lambda out: ["make_relatives.py", "masters", out],
    "llama": lambda out: ["make_relatives.py", "llama", out, "--seed", "1"],  # the first seed that check_ties.py accepts
}


def run(folder, script, *args):
    subprocess.run([sys.executable, "-B", os.path.join(folder, script), *args], check=True)


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("names", nargs="*", help="odd, masters, llama, small")
    ap.add_argument("--into", default=HERE)
    a = ap.parse_args()
    for name in a.names or ["odd", "masters", "llama"]:
        out = os.path.join(a.into, name)
        run(HERE, *MAKERS[name](out))
        run(BUNDLED, "make_golden.py", out, out, *(["--cases", "8", "--tokens", "8"] if name == "small" else []))
        if name in ("masters", "llama"):
            run(HERE, "check_ties.py", out, out)


if __name__ == "__main__":
    main()
