"""`python -m collect` is the `collect` program."""

from collect.cli import main

if __name__ == "__main__":
    main()
