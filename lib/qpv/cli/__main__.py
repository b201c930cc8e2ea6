"""``python -m qpv.cli``, for where the command is not on the path."""

from qpv.cli import main

if __name__ == "__main__":
    main()
