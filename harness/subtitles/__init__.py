"""Subtitles: reading, taking apart, restoring, breaking, checking and fitting cues in time.

``read_cues`` yields plain cues for corpora; ``read_document`` (``document.py``) a file
that can be written back with other texts and nothing else changed.
"""

from harness.subtitles.cues import Cue as Cue
from harness.subtitles.cues import read_cues as read_cues
from harness.subtitles.document import Document as Document
from harness.subtitles.document import read_document as read_document
from harness.subtitles.entry import Problem as Problem
