"""What the builders of benchmarks share: from subtitles and transcripts to a task folder.

A builder chains these pieces in stages (``stages``), each a file that is there whole or
not at all. Nothing here knows a benchmark; texts and languages are configuration.
"""
