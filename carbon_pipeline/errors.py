"""The base of all errors that a user can mend. An exception of any other class is a bug of this package."""

FAILURE = 1
"""Exit status of a command that could not do what it was asked to."""

WRONG_INPUT = 2
"""Exit status of a command that was given wrong input, or used in a wrong way."""


class UserError(Exception):
    """Something is wrong that a user can put right; the message says what, where, and what to do.

    Attributes:
        exit_status: what the command line exits with, `FAILURE` or `WRONG_INPUT`.
    """

    exit_status = FAILURE


class InputError(UserError):
    """An argument, a setting or a file does not hold what it should."""

    exit_status = WRONG_INPUT
