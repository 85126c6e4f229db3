"""Still and animated images: decode, a list of operations, several outputs. Files in, files out."""
