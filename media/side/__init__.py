"""What goes along with picture and sound: text subtitles, chapters, cover pictures and tags.

A `Side` reads them of one source while its packets are read anyway, moves them to the output's time through the same
mapping as the pictures, and writes them into the same MP4. `read_material` does the reading alone, for an output that
is put together without its source.
"""

from media.side.kept import Side
from media.side.material import SideMaterial, read_material

__all__ = ["Side", "SideMaterial", "read_material"]
