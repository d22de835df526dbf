"""`python -m ds_stilts` is `ds-stilts`."""

from ds_stilts.cli.main import main

main()
