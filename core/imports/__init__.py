"""Import by URL: a file is fetched straight into storage and becomes an asset, like one that was uploaded."""
