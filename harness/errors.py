"""The three kinds of error and the exit codes they end in.

``UserError`` is for the person at the keyboard, ``RunError`` is recorded as data
(a failed segment never stops a run), ``CostLimit`` stops one so that it can go on.
"""

EXIT_OK = 0
EXIT_USER = 2
EXIT_GATE = 3
EXIT_INCOMPLETE = 4
EXIT_INTERRUPTED = 130


class UserError(Exception):
    """Bad input or a missing prerequisite: one sentence and its fix, exit code 2.

    Args:
        message: what is wrong, and where.
        fix: how to mend it.

    Examples:
        >>> str(UserError("No file x.", "Check the path."))
        'No file x. Check the path.'
    """

    def __init__(self, message: str, fix: str) -> None:
        super().__init__(message, fix)
        self.message = message
        self.fix = fix

    def __str__(self) -> str:
        return f"{self.message} {self.fix}"


class RunError(Exception):
    """A call or stage that failed through no doing of the system under test.

    It is stored as the state ``failed``, never cached, and tried again on resume.
    """


class CostLimit(Exception):
    """The next call could pass ``--max-cost``: the run stops, resumable, exit code 4."""
