"""Cuts at the speed of copying: whole groups of pictures are copied, and only the frames at the edges encoded."""

from media.smartcut.cut import keyframe_cut, smart_cut
from media.smartcut.errors import NotCuttable
from media.smartcut.result import SeamReport, SmartCutResult

__all__ = ["NotCuttable", "SeamReport", "SmartCutResult", "keyframe_cut", "smart_cut"]
