#!/bin/sh
# Expected: A Merkle tree whose root equals that of RFC 9162 (Certificate Transparency 2.0) gives the proofs of that
#   RFC.
# Actual: The root is that of the RFC. The proofs are not: leaves count from one, an inclusion path begins with the
#   leaf itself and may name both children of a node, and a consistency proof contains parts of the old root. The
#   RFC's paths for the same tree have two hashes and one.
# Versions: pymerkle 7.0.0
# Date: 2026-11-30, the output under `expected`.
# Consequence: Equal roots in a trial say nothing about proofs. Every witness of a log kept with this package needs
#   the package's own verifier; a verifier of the RFC or of the C2SP formats refuses its proofs.
. "$(dirname "$0")/setup.sh"
expected <<'TEXT'
root of three leaves as in RFC 9162: True
first leaf has index: 1
inclusion of the first leaf: pymerkle 3 hashes, RFC 2, the leaf itself first: True
consistency of two with three: pymerkle 2 hashes, RFC 1
TEXT
python_packages pymerkle==7.0.0
python_prints <<'PY'
import hashlib

from pymerkle import InmemoryTree


def leaf(data):
    return hashlib.sha256(b"\0" + data).digest()


def node(left, right):
    return hashlib.sha256(b"\1" + left + right).digest()


tree = InmemoryTree(algorithm="sha256")
first = [tree.append_entry(entry) for entry in (b"a", b"b", b"c")][0]
a, b, c = leaf(b"a"), leaf(b"b"), leaf(b"c")
print("root of three leaves as in RFC 9162:", tree.get_root() == node(node(a, b), c))
print("first leaf has index:", first)
inclusion = tree.prove_inclusion(first, 3).serialize()["path"]
print(f"inclusion of the first leaf: pymerkle {len(inclusion)} hashes, RFC {len([b, c])},",
      "the leaf itself first:", inclusion[0] == a.hex())
print(f"consistency of two with three: pymerkle {len(tree.prove_consistency(2, 3).serialize()['path'])} hashes, RFC {len([c])}")
PY
