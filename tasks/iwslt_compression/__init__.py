"""Compression of subtitles that are too fast to read (IWSLT): the language stays, the text gets shorter."""
