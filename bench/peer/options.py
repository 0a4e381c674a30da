# SPDX-License-Identifier: Apache-2.0
"""What every fine-tuning program of the peer is told, under the names of scripts/finetune."""
import argparse


def parser(description):
    p = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--model", required=True, help="checkpoint folder")
    p.add_argument("--rank", type=int, default=8)
    p.add_argument("--limit", type=int, default=0, help="train on the first N examples, of the seeded shuffle if there is one; 0: all")
    p.add_argument("--epochs", type=int, default=1)
    p.add_argument("--batch", type=int, default=32)
    p.add_argument("--lr", type=float, default=1e-3)
    p.add_argument("--weight-decay", type=float, default=0.01)
    p.add_argument("--schedule", default="linear", choices=("constant", "linear", "cosine"))
    p.add_argument("--warmup", type=float, default=0.06, help="fraction of the steps")
    p.add_argument("--seed", type=int, default=42)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--no-shuffle", action="store_true", help="take the rows in the order of the file, every epoch")
    p.add_argument("--start", help="save the adapter and head as they begin in this folder")
    p.add_argument("--json", help="write the run here")
    return p
