"""Words of our own sentences in code: docstrings, comments and names of tests."""

import ast
import io
import tokenize
from collections.abc import Iterator

from tests.architecture.files import vague_words
from tests.architecture.source import Module


def vague_sentences(module: Module) -> Iterator[str]:
    """Allow no word that hides the subject of a sentence; texts that are data may have it."""
    for line, text in (*_docstrings(module), *_comments(module), *_definitions(module)):
        for finding in vague_words(module.path, text):
            yield f"{module.path}:{line}: {finding.partition(': ')[2]}"


def _docstrings(module: Module) -> Iterator[tuple[int, str]]:
    for node in module.nodes:
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield node.lineno, node.value.value


def _comments(module: Module) -> Iterator[tuple[int, str]]:
    for token in tokenize.generate_tokens(io.StringIO(module.text).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string


def _definitions(module: Module) -> Iterator[tuple[int, str]]:
    for node in module.nodes:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.lineno, node.name.replace("_", " ")
