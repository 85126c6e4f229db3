"""`cutwork webhooks`: who is told of what happens."""

from __future__ import annotations

from typing import Any

import click

from cli import tables
from cli.client import Json
from cli.config import Config, common_options, pass_config

EVENTS = ("job.succeeded", "job.failed", "job.canceled", "job.running", "webhook.disabled")
_event_option = click.option(
    "--event",
    "events",
    type=click.Choice(EVENTS),
    multiple=True,
    help="May come several times (default: ends of jobs).",
)


@click.group()
def webhooks() -> None:
    """Have an address told when jobs end.

    \b
    Examples:
      cutwork webhooks add https://example.com/cutwork
      cutwork webhooks deliveries --status failed
      cutwork webhooks redeliver whd_01k9x3…
    """


@webhooks.command("list")
@click.option("-n", "--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="How many.")
@common_options
@pass_config
def list_webhooks(config: Config, limit: int) -> None:
    """List webhooks, newest first."""
    found = config.api().pages("/v1/webhooks", limit)
    if config.json:
        config.print_json({"data": found})
    else:
        config.out.print(tables.webhooks(found))


@webhooks.command()
@click.argument("address", metavar="URL")
@_event_option
@click.option("--description", metavar="TEXT", default="", help="For you.")
@common_options
@pass_config
def add(config: Config, address: str, events: tuple[str, ...], description: str) -> None:
    """Add a webhook and print its secret, which is shown this once."""
    body: Json = {"url": address, "description": description} | ({"events": list(events)} if events else {})
    _show(config, config.api().create("/v1/webhooks", body))


@webhooks.command()
@click.argument("webhook_id", metavar="ID")
@common_options
@pass_config
def show(config: Config, webhook_id: str) -> None:
    """Show a webhook."""
    _show(config, config.api().get(f"/v1/webhooks/{webhook_id}"))


@webhooks.command()
@click.argument("webhook_id", metavar="ID")
@click.option("--address", "url", metavar="URL", help="Where it is told from now on.")
@_event_option
@click.option("--description", metavar="TEXT", help="For you.")
@common_options
@pass_config
def update(config: Config, /, webhook_id: str, events: tuple[str, ...], **options: Any) -> None:
    """Change a webhook; what is not named stays."""
    body = {name: value for name, value in options.items() if value is not None}
    _show(config, _change(config, webhook_id, body | ({"events": list(events)} if events else {})))


@webhooks.command()
@click.argument("webhook_id", metavar="ID")
@common_options
@pass_config
def enable(config: Config, webhook_id: str) -> None:
    """Enable a webhook, also one that was disabled by itself."""
    _show(config, _change(config, webhook_id, {"status": "enabled"}))


@webhooks.command()
@click.argument("webhook_id", metavar="ID")
@common_options
@pass_config
def disable(config: Config, webhook_id: str) -> None:
    """Disable a webhook."""
    _show(config, _change(config, webhook_id, {"status": "disabled"}))


@webhooks.command()
@click.argument("webhook_id", metavar="ID")
@common_options
@pass_config
def delete(config: Config, webhook_id: str) -> None:
    """Delete a webhook with its deliveries."""
    config.api().delete(f"/v1/webhooks/{webhook_id}")
    if config.json:
        config.print_json({"id": webhook_id, "deleted": True})
    else:
        config.out.print(f"{webhook_id} is deleted.", markup=False)


@webhooks.command()
@click.argument("webhook_id", metavar="[ID]", required=False)
@common_options
@pass_config
def rotate(config: Config, webhook_id: str | None) -> None:
    """Make a new secret and print it; the one before goes on signing for a day.

    Without ID it is the secret for the addresses that single jobs name (--webhook-url).
    """
    _show(config, config.api().create(f"/v1/webhooks/{webhook_id or 'job_urls'}/rotate", {}))


@webhooks.command("deliveries")
@click.option("--webhook", metavar="ID", help="Of this webhook.")
@click.option("--job", metavar="ID", help="About this job.")
@click.option("--status", type=click.Choice(["pending", "succeeded", "failed"]), help="In this state.")
@click.option("-n", "--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="How many.")
@common_options
@pass_config
def list_deliveries(config: Config, /, limit: int, **filters: str | None) -> None:
    """List deliveries, newest first."""
    named = {name: value for name, value in filters.items() if value}
    found = config.api().pages("/v1/deliveries", limit, **named)
    if config.json:
        config.print_json({"data": found})
    else:
        config.out.print(tables.deliveries(found))


@webhooks.command()
@click.argument("delivery_id", metavar="ID")
@common_options
@pass_config
def delivery(config: Config, delivery_id: str) -> None:
    """Show a delivery with each of its attempts."""
    document = config.api().get(f"/v1/deliveries/{delivery_id}")
    if config.json:
        config.print_json(document)
        return
    config.out.print(tables.deliveries([document]))
    config.out.print()
    config.out.print(tables.attempts(document["attempts"]))


@webhooks.command()
@click.argument("delivery_id", metavar="ID")
@common_options
@pass_config
def redeliver(config: Config, delivery_id: str) -> None:
    """Deliver once more, whatever came of it."""
    document = config.api().post(f"/v1/deliveries/{delivery_id}/redeliver")
    if config.json:
        config.print_json(document)
    else:
        config.out.print(f"{delivery_id} is {document['status']}.", markup=False)


def _change(config: Config, webhook_id: str, body: Json) -> Json:
    return config.api().patch(f"/v1/webhooks/{webhook_id}", body)


def _show(config: Config, document: Json) -> None:
    if config.json:
        config.print_json(document)
        return
    if "url" in document:
        config.out.print(tables.webhooks([document]))
    if "secret" in document:
        config.say("The secret that signs; it is not shown again:")
        config.out.print(document["secret"], markup=False)
