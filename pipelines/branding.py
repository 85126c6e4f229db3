"""What a brand comes to, with the kit that it names: the brand stage's parameters and inputs."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from core import assets, brand_kits
from core.errors import InputError
from core.models import Asset
from pipelines.brand_schema import CUT
from pipelines.planner import Output, Planner

_STANDARD: Mapping[str, Any] = {"background": "#101820", "color": None, "accent": None, "font": "sans"}
_ASSETS = ("intro", "outro", "watermark")


def add(planner: Planner, account_id: str, brand: Mapping[str, Any], body: Output) -> Output:
    """Plan the brand stage; without anything to add, the body is what comes out.

    Raises NotFoundError `brand_kit_not_found`, `asset_not_found`, InputError `invalid_transition`.
    """
    kit = brand_kits.get(account_id, brand["kit"]).document if "kit" in brand else {}
    params = complete(brand, kit)
    _check_transition(params)
    if not any(params[name] for name in ("intro", "outro", "watermark", "lower_thirds", "loudness")):
        return body
    inputs: dict[str, Asset | Output] = {"body": body}
    for label in _ASSETS:
        part = params[label]
        if part and "asset" in part:
            # The digest takes the asset's bytes, not its id: the same logo uploaded twice is the same logo.
            inputs[label] = assets.get(account_id, part["asset"])
            params[label] = {key: value for key, value in part.items() if key != "asset"}
    logo = params.pop("logo")
    if logo:
        inputs["logo"] = assets.get(account_id, logo)
    planner.add("brand", params=params, inputs=inputs)
    return Output("brand", "video.mp4")


def complete(brand: Mapping[str, Any], kit: Mapping[str, Any]) -> dict[str, Any]:
    """A brand with everything that it leaves open, in one normal form: equal brands are equal."""
    looks = {name: kit.get(name) or standard for name, standard in _STANDARD.items()}

    def taken(name: str) -> Any:
        return brand[name] if name in brand else kit.get(name)

    def titled(part: Mapping[str, Any] | None) -> dict[str, Any] | None:
        if part is None or "title" not in part:
            return None if part is None else dict(part)
        return {**part, **{name: part.get(name) or look for name, look in looks.items()}}

    intro, outro = titled(taken("intro")), titled(taken("outro"))
    thirds = [titled(third) for third in brand.get("lower_thirds", ())]
    shown = [part for part in (intro, outro, *thirds) if part and part.get("logo")]
    return {
        "intro": intro,
        "outro": outro,
        "transition": (brand.get("transition") or kit.get("transition") or CUT) if intro or outro else CUT,
        "watermark": taken("watermark"),
        "lower_thirds": thirds,
        "loudness": brand.get("loudness"),
        "logo": taken("logo") if shown else None,
    }


def _check_transition(params: Mapping[str, Any]) -> None:
    """Refuse what the engine would, with its code; how long other cards are is seen when they are read."""
    for name in ("intro", "outro"):
        card = params[name]
        if card and "title" in card and Fraction(params["transition"]["duration"]) > Fraction(card["duration"]):
            message = f"The transition is longer than the {name}. Shorten it."
            raise InputError("invalid_transition", message, fields={"brand.transition": [message]})
