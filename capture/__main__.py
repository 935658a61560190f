"""`python -m capture` is the console command where the folder of commands is not on the PATH."""

from capture.cli.main import main

if __name__ == "__main__":
    main()
