"""What ends the program with a message instead of a trace: it says what was wrong, where, and what to do."""


class Failure(Exception):
    pass
