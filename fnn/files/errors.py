"""What is wrong with a file."""


class FileError(ValueError):
    """A file is damaged, or something else than it was taken for."""
