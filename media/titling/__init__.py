"""Animated titles: `card` fills the picture, `lower_third` stands on it. Both are scenes of pictures that move in."""

from media.titling.cards import CARD_TEMPLATES, CardTemplate, card
from media.titling.look import Look
from media.titling.lower import LOWER_TEMPLATES, LowerTemplate, lower_third
from media.titling.scene import Scene

__all__ = ["CARD_TEMPLATES", "LOWER_TEMPLATES", "CardTemplate", "Look", "LowerTemplate", "Scene", "card", "lower_third"]
