"""BERT's tokens without transformers: the ids of its slow `BertTokenizer`, which bert_score takes.

The fast tokenizers do not agree with it on every text (control characters, accents, halves of surrogate pairs), so this is
the same algorithm: clean, split at the special tokens, at spaces, at Chinese characters and at punctuation, then WordPiece
(the longest piece of the vocabulary at the start of what is left of a word). Words repeat, so each is split once.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

_SPECIAL = {
    "unk_token": "[UNK]",
    "sep_token": "[SEP]",
    "pad_token": "[PAD]",
    "cls_token": "[CLS]",
    "mask_token": "[MASK]",
}
_TOKENIZERS = {"BertTokenizer", "BertTokenizerFast", None}
_DEFAULTS = {
    "do_basic_tokenize": True,
    "never_split": None,
    "split_special_tokens": False,
    "truncation_side": "right",
    "use_fast": True,
}
_NO_LIMIT = 10**30
_KEPT_WORDS = 50_000
# For WordPiece, longer words are unknown.
_LONGEST_WORD = 100
_CHINESE = (
    (0x4E00, 0x9FFF), (0x3400, 0x4DBF), (0x20000, 0x2A6DF), (0x2A700, 0x2B73F), (0x2B740, 0x2B81F), (0x2B820, 0x2CEAF),
    (0xF900, 0xFAFF), (0x2F800, 0x2FA1F),
)  # fmt: skip


class BertTokenizer:
    """Splits texts into the ids of a BERT vocabulary.

    Args:
        folder: `vocab.txt`, and `tokenizer_config.json` where the tokenizer has options.

    Raises:
        ValueError: It is not the plain BERT tokenizer; the message is the reason.

    Attributes:
        max_tokens: The longest text in tokens, including separators, by the tokenizer's options.
        separators: The ids before and after a text.
    """

    def __init__(self, folder: Path) -> None:
        options = _options(folder)
        self.max_tokens = min(int(options.get("model_max_length") or _NO_LIMIT), _NO_LIMIT)
        lines = (folder / "vocab.txt").read_text(encoding="utf-8").removesuffix("\n").split("\n")
        self._vocabulary = {token: place for place, token in enumerate(lines)}
        missing = [token for token in _SPECIAL.values() if token not in self._vocabulary]
        if missing:
            message = f"its vocabulary has no {missing[0]}"
            raise ValueError(message)
        lower = options.get("do_lower_case", True)
        strip = options.get("strip_accents")
        self._lower = bool(lower)
        self._strip_accents = bool(lower) if strip is None else bool(strip)
        self._letters = _Letters(_cleaner(lower=bool(lower), chinese=options.get("tokenize_chinese_chars", True)))
        self._punctuation = _Letters(lambda letter: f" {letter} " if _is_punctuation(letter) else letter)
        self._special = re.compile("({})".format("|".join(map(re.escape, _SPECIAL.values()))))
        self._kept = lru_cache(maxsize=_KEPT_WORDS)(self._word)
        self.separators = (self._vocabulary["[CLS]"], self._vocabulary["[SEP]"])

    def encode(self, text: str, limit: int) -> list[int]:
        """Return the ids of a text between the separators, at most `limit` ids in all."""
        first, last = self.separators
        room = limit - len(self.separators)
        ids: list[int] = []
        for word in self._words(text.strip()):
            ids += self._kept(word) if len(word) <= _LONGEST_WORD else self._word(word)
            if len(ids) >= room:
                break
        return [first, *ids[:room], last]

    def _words(self, text: str) -> Iterator[str]:
        """Yield special tokens, and the cleaned words between them; each Chinese character is a word."""
        for part in self._special.split(text) if "[" in text else (text,):
            if self._special.fullmatch(part):
                yield part
            else:
                yield from unicodedata.normalize("NFC", part.translate(self._letters)).split()

    def _word(self, word: str) -> tuple[int, ...]:
        """Return the ids of the text between two spaces."""
        if self._special.fullmatch(word):
            return (self._vocabulary[word],)
        if self._lower:
            word = word.lower()
        if self._strip_accents:
            letters = unicodedata.normalize("NFD", word)
            word = "".join(letter for letter in letters if unicodedata.category(letter) != "Mn")
        return tuple(number for piece in word.translate(self._punctuation).split() for number in self._pieces(piece))

    def _pieces(self, word: str) -> list[int]:
        unknown = [self._vocabulary["[UNK]"]]
        if len(word) > _LONGEST_WORD:
            return unknown
        pieces: list[int] = []
        start, prefix = 0, ""
        while start < len(word):
            for end in range(len(word), start, -1):
                number = self._vocabulary.get(prefix + word[start:end])
                if number is not None:
                    break
            else:
                return unknown
            pieces.append(number)
            start, prefix = end, "##"
        return pieces


class _Letters(dict[int, "str | None"]):
    """A table for `str.translate`; the replacement of a character is computed when it first occurs."""

    def __init__(self, replacement: Callable[[str], str]) -> None:
        super().__init__()
        self._replacement = replacement

    def __missing__(self, code: int) -> str:
        self[code] = replacement = self._replacement(chr(code))
        return replacement


def _cleaner(*, lower: bool, chinese: bool) -> Callable[[str], str]:
    """Return a function that cleans one character: lower case, no control characters, plain spaces, Chinese in spaces."""

    def clean(letter: str) -> str:
        # Letter by letter, as the tokenizer does; a whole word in lower case may differ (the Greek sigma).
        return "".join(map(one, letter.lower() if lower and letter != "\n" else letter))

    def one(letter: str) -> str:
        if letter in " \t\n\r" or unicodedata.category(letter) == "Zs":
            return " "
        if letter in "\x00\ufffd" or unicodedata.category(letter).startswith("C"):
            return ""
        if chinese and any(first <= ord(letter) <= last for first, last in _CHINESE):
            return f" {letter} "
        return letter

    return clean


def _is_punctuation(letter: str) -> bool:
    """Return whether a character is a punctuation mark; in ASCII, all that are neither letter nor digit."""
    if letter.isascii():
        return letter.isprintable() and not letter.isalnum() and letter != " "
    return unicodedata.category(letter).startswith("P")


def _options(folder: Path) -> Mapping[str, Any]:
    """Return the tokenizer's options, after checking that all of them are supported here."""
    options = _read(folder / "tokenizer_config.json")
    tokens = {**options, **_read(folder / "special_tokens_map.json")}
    if options.get("tokenizer_class") not in _TOKENIZERS:
        message = f"its tokenizer is {options['tokenizer_class']}"
        raise ValueError(message)
    for name, expected in _DEFAULTS.items():
        if options.get(name, expected) != expected:
            message = f"its tokenizer has {name}={options[name]!r}"
            raise ValueError(message)
    added = [*_read(folder / "added_tokens.json"), *(tokens.get("additional_special_tokens") or ())]
    stated = [*options.get("added_tokens_decoder", {}).values(), *(tokens[name] for name in _SPECIAL if name in tokens)]
    for token in [*added, *stated]:
        if not _is_plain(token):
            message = f"its tokenizer has the token {token!r}"
            raise ValueError(message)
    if any(_content(tokens.get(name, token)) != token for name, token in _SPECIAL.items()):
        message = "its tokenizer has special tokens of its own"
        raise ValueError(message)
    return options


def _is_plain(token: Any) -> bool:
    """Return whether a special token is one of BERT's, and strips no spaces from its neighbours."""
    if isinstance(token, dict) and any(token.get(name) for name in ("lstrip", "rstrip", "single_word")):
        return False
    return _content(token) in _SPECIAL.values()


def _content(token: Any) -> Any:
    return token.get("content") if isinstance(token, dict) else token


def _read(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content
