"""The ids that are the same in every vocabulary of sequences."""

PADDING_ID, UNKNOWN_ID, BEGIN_ID, END_ID = range(4)

#: How the special symbols are shown. They are no entries of any table that texts are
#: looked up in: a text that spells "<pad>" holds no padding.
NAMES = ("<pad>", "<unk>", "<s>", "</s>")
#: The id of the first symbol that stands in texts.
FIRST_ID = len(NAMES)
