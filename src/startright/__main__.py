"""``python -m startright`` is ``startright``."""

from startright.cli import main

if __name__ == "__main__":
    main()
