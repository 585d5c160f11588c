#!/usr/bin/env python3
"""Fail if a golden has an activation exactly halfway between two int8 codes: there every engine's last bit decides.

usage: check_ties.py MODEL_DIR GOLDEN_DIR

Without sub-norms the first token's attention output is a row of integers times one factor, so an entry of half the
largest is such a tie, whatever the norms are. make.py names a seed of which no case has one.
"""
import json
import os
import sys

import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "models", "rotor-tiny", "golden"))
from reference64 import Reference  # noqa: E402


class Watched(Reference):
    nearest = 0.5  # of a code to a tie

    def bit_linear(self, name, x):
        codes = x * (127 / np.maximum(np.abs(x).max(-1, keepdims=True), 1e-5))
        self.nearest = min(self.nearest, np.abs(codes - np.floor(codes) - 0.5).min())
        return super().bit_linear(name, x)


def main():
    model, golden = Watched(sys.argv[1]), json.load(open(os.path.join(sys.argv[2], "golden.json")))
    for i, case in enumerate(golden["cases"]):
        model.logits(case["ids"] + case["greedy64"][:-1])
        if model.nearest < 1e-9:
            sys.exit(f"case {i}: an activation is {model.nearest} from a tie; take another --seed")
    print(f"{sys.argv[2]}: no ties; the nearest activation is {model.nearest:.1e} of a code away")


if __name__ == "__main__":
    main()
