"""What the author of the served classifier says of it, and what could go wrong."""

DESCRIPTION = "Topics of messages. <img src=x onerror=hit=1>\n\u202eنص \u202c日本"
EXAMPLES = (
    "my refund of the week",
    "<script>hit=1</script>\n<b>",
    "\u202ea parcel",
    "مرحبا 你好 refund",
)
