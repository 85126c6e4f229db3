"""AWS Rekognition: a model that sees nudity, violence and more in pictures (DetectModerationLabels).

https://docs.aws.amazon.com/rekognition/latest/APIReference/API_DetectModerationLabels.html
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, Self

from boto3.session import Session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from core.errors import EngineError, TransientError
from core.moderation.base import Item, Verdict
from core.moderation.rules import Rules
from core.settings import Settings

STILLS = 12
_PASSING = {"ThrottlingException", "ProvisionedThroughputExceededException", "InternalServerError"}
_THEIRS = 500


@dataclass(frozen=True, kw_only=True)
class Rekognition:
    """Asks about up to `STILLS` pictures of a file, after the `rules`; a label of `least` percent or more blocks.

    `labels` names those that count, top categories or finer ones; empty for all.
    """

    client: Any
    rules: Rules
    least: float
    labels: frozenset[str] = frozenset()

    @classmethod
    def of(cls, settings: Settings, rules: Rules) -> Self:
        """Return the moderator of the settings; boto3 finds its credentials itself."""
        config = Config(retries={"mode": "standard", "total_max_attempts": 4}, connect_timeout=5, read_timeout=30)
        client = Session().client("rekognition", region_name=settings.moderation_region, config=config)
        wanted = frozenset(filter(None, (label.strip() for label in settings.moderation_labels.split(","))))
        return cls(client=client, rules=rules, least=settings.moderation_confidence, labels=wanted)

    @property
    def name(self) -> str:
        """`rekognition`."""
        return "rekognition"

    @property
    def stamp(self) -> str:
        """The rules, and what counts."""
        text = f"{self.rules.stamp} {self.least:g} {sorted(self.labels)}"
        return f"rekognition-{hashlib.sha256(text.encode()).hexdigest()[:32]}"

    def review(self, item: Item) -> Verdict:
        """Judge by the rules, then by what is seen; a file that the rules block is shown to nobody.

        Raises:
            TransientError: `moderation_unavailable`, when the service does not answer or is asked too often.
            EngineError: `moderation_refused`, when it does not take the request: credentials, region.
        """
        verdict = self.rules.review(item)
        if not verdict.allowed:
            return verdict
        seen: dict[str, float] = {}
        for still in item.stills(STILLS):
            for label, parent, confidence in self._ask(still):
                if not self.labels or {label, parent} & self.labels:
                    seen[label] = max(seen.get(label, 0.0), confidence)
        reasons = [f"it shows {label.lower()}" for label in sorted(seen)]
        return Verdict(reasons=reasons, labels={label: round(value, 1) for label, value in sorted(seen.items())})

    def _ask(self, still: bytes) -> list[tuple[str, str, float]]:
        try:
            answer = self.client.detect_moderation_labels(Image={"Bytes": still}, MinConfidence=self.least)
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "")
            if code in _PASSING or error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0) >= _THEIRS:
                raise TransientError("moderation_unavailable", f"The moderation service answered {code}.") from error
            raise EngineError("moderation_refused", f"The moderation service answered {code}.") from error
        except BotoCoreError as error:
            raise TransientError(
                "moderation_unavailable", f"The moderation service did not answer: {type(error).__name__}."
            ) from error
        return [
            (label["Name"], label.get("ParentName", ""), label["Confidence"]) for label in answer["ModerationLabels"]
        ]
