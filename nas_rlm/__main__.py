"""`python -m nas_rlm`: the same as the command `nas-rlm`."""

from nas_rlm.cli import main

if __name__ == "__main__":
    main()
