"""What can go wrong before a command runs in a virtual machine."""


class Missing(Exception):
    """Something this machine does not have, with what to do about it: the caller says SKIP (exit status 77)."""


class Failed(Exception):
    """A tool that is there did not do its work: nobody may take this for a skip."""
