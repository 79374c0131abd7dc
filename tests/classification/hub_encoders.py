"""Small encoders of KerasHub with random weights, and texts for them."""

import io

import numpy as np
import pytest

keras_hub = pytest.importorskip(
    "keras_hub", reason="KerasHub is not installed", exc_type=ImportError
)

LETTERS = "abcdefghijklmnopqrstuvwxyz"
WORDS = ["the", "a", "film", "good", "bad", "fe", "was", "and", "never"]
MARKS = [".", "!", "'", ",", "我", "喜", "cafe", "café"]
PIECES = [*WORDS, *MARKS, "##s", "##et", "##ss", *(f"##{each}" for each in LETTERS)]
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def word_pieces(**settings):
    vocabulary = list(dict.fromkeys([*SPECIAL, *PIECES, *LETTERS]))
    return keras_hub.models.BertTokenizer(vocabulary=vocabulary, **settings)


def byte_pairs():
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in plain]
    letters = [chr(byte) for byte in plain] + [chr(256 + n) for n in range(len(others))]
    merges = ["f i", "fi l", "fil m", "Ġ film", "Ġ f", "Ġf e"]
    made = [merge.replace(" ", "") for merge in merges]
    names = ["<s>", "<pad>", "</s>", "<mask>", *letters, *made]
    vocabulary = {name: number for number, name in enumerate(names)}
    return keras_hub.models.RobertaTokenizer(vocabulary=vocabulary, merges=merges)


def sentence_pieces(rule="nmt_nfkc"):
    """One for each of two rules of SentencePiece; ``nmt_nfkc_cf`` folds cases."""
    sentencepiece = pytest.importorskip("sentencepiece")
    content, sentences = (
        io.BytesIO(),
        ["the good film don't stop", "bad café 我喜 U.S."],
    )
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(sentences * 20),
        model_writer=content,
        vocab_size=45,
        unk_id=1,
        bos_id=2,
        eos_id=3,
        pad_id=0,
        pad_piece="<pad>",
        bos_piece="[CLS]",
        eos_piece="[SEP]",
        user_defined_symbols="[MASK]",
        normalization_rule_name=rule,
        hard_vocab_limit=False,
        minloglevel=2,
    )
    return keras_hub.models.AlbertTokenizer(proto=content.getvalue())


def bert(tokenizer, **settings):
    sizes = {
        "vocabulary_size": tokenizer.vocabulary_size(),
        "num_layers": 1,
        "num_heads": 2,
        "hidden_dim": 16,
        "intermediate_dim": 16,
        "max_sequence_length": 18,
    }
    return keras_hub.models.BertBackbone(**sizes | settings)


def messages(count, seed=0):
    """Texts of a few words, of which one says the label."""
    random = np.random.default_rng(seed)
    texts, labels = [], random.integers(0, 2, count).tolist()
    for label in labels:
        words = random.choice(["the", "a", "films", "was", "never", "feet"], 5).tolist()
        words.insert(random.integers(6), ("bad", "good")[label])
        texts.append(" ".join(words) + ".")
    return texts, [("no", "yes")[label] for label in labels]
