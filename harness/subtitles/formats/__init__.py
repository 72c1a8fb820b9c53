"""One file a format: ``parse`` yields entries from a file's text, ``stamp`` writes a time as the format does."""
