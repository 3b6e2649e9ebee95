"""What can go wrong before a command runs in a virtual machine."""


class Missing(Exception):
    """Something this machine does not have, with what to do about it: the caller says SKIP (exit status 77)."""
