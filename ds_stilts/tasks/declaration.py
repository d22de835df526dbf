"""What several declarations share: lists written compactly, and where the official files are had."""

XTREME_DOWNLOAD = "https://github.com/google-research/xtreme#download-the-data"
"""Its `scripts/download_data.sh` fetches the originals and writes the layout that the XTREME targets are read from."""

HUB_NOT_READ = "The hub copy was not read from its source, so no revision is pinned here."


def words(text: str) -> tuple[str, ...]:
    """Language codes or tags written with spaces between them."""
    return tuple(text.split())
