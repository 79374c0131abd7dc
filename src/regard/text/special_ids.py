"""The special ids, the same in every vocabulary: padding, unknown, begin and end."""

PADDING_ID, UNKNOWN_ID, BEGIN_ID, END_ID = range(4)

#: How the special ids are shown. They are no entries of any table that texts are
#: looked up in: a text that spells "<pad>" holds no padding.
SPECIAL_TOKENS = ("<pad>", "<unk>", "<s>", "</s>")
#: The id of the first token that stands in texts, of a vocabulary with all four.
FIRST_ORDINARY_ID = len(SPECIAL_TOKENS)
