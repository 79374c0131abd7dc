"""How text is cut into words, and what makes two words the same.

The text is cut as it came into

- words: letters, combining marks, digits and underscores, joined across an inner
  apostrophe (``don't``) or an inner joiner (Persian, Indic scripts);
- single characters of scripts that write no spaces between words (Chinese, Japanese,
  Thai, Lao, Khmer, Burmese), each with its marks;
- anything else that is not white space, one user-perceived character at a time, so
  that a family emoji, a flag or an emoji with a skin tone is one token.

Only then each piece is normalised (NFKC, lower case, one kind of apostrophe). In the
other order, which is the library's own, one character can end in several words that
share its offsets: "½" is three words, and "¼0" loses its zero.
"""

from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers

PADDING = "[PAD]"
UNKNOWN = "[UNK]"

_UNSPACED = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
_WORD = rf"[[\p{{L}}\p{{M}}\p{{N}}_]&&[^{_UNSPACED}]]+"
_JOINERS = r"['\u2019\u200c\u200d]"
_TOKEN = rf"[{_UNSPACED}]\p{{M}}*|{_WORD}(?:{_JOINERS}{_WORD})*|(?!\s)\X"


def word_pipeline(vocabulary: dict[str, int]) -> Tokenizer:
    """The rules and ``vocabulary`` as a tokenizer of the Hugging Face library.

    It has no added tokens on purpose: those are looked for in the raw text, and a text
    that spells ``[PAD]`` would then hold padding.
    """
    pipeline = Tokenizer(models.WordLevel(vocabulary, unk_token=UNKNOWN))
    pipeline.normalizer = normalizers.Sequence(
        [
            normalizers.NFKC(),
            normalizers.Lowercase(),
            normalizers.Replace("\u2019", "'"),
        ]
    )
    pipeline.pre_tokenizer = pre_tokenizers.Split(
        Regex(_TOKEN), behavior="removed", invert=True
    )
    return pipeline


def splitter(pipeline: Tokenizer) -> Tokenizer:
    """The splitting of ``pipeline`` alone: each piece of raw text is one token."""
    alone = Tokenizer(models.WordLevel({UNKNOWN: 0}, unk_token=UNKNOWN))
    alone.pre_tokenizer = pipeline.pre_tokenizer
    return alone
