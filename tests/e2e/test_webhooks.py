"""A job from an address to a webhook, by real workers; the receiver is away at first."""

import json
import time

from standardwebhooks.webhooks import Webhook

from tests.core.imports.files import served
from tests.core.outgoing.servers import serving
from tests.services.process import LONG_S


def test_the_end_of_a_job_arrives_though_the_receiver_was_away(local_client, sample):
    answers = [503]
    receiving = serving(lambda handler: handler.reply(answers.pop() if answers else 204))
    with served(sample.read_bytes()) as file, receiving as (port, requests):
        secret = local_client.post("/v1/webhooks/job_urls/rotate", 200)["secret"]
        asked = {"input": {"url": file.url}, "keep": [{"start": 1, "end": 2}], "preview": False}
        job = local_client.post("/v1/jobs/edit", 202, webhook_url=f"http://127.0.0.1:{port}/hook", **asked)
        assert local_client.wait(job)["status"] == "succeeded"
        deadline = time.monotonic() + LONG_S
        while len(requests) < 2 and time.monotonic() < deadline:
            time.sleep(0.1)
        for request in requests:
            told = Webhook(secret).verify(request.body, dict(request.headers))
            assert (told["id"], told["status"]) == (job["id"], "succeeded")
            assert {output["name"] for output in told["outputs"]} == {"video"}
        [delivery] = local_client.get("/v1/deliveries", job=job["id"])["data"]
        while delivery["status"] == "pending" and time.monotonic() < deadline:
            delivery = local_client.get(f"/v1/deliveries/{delivery['id']}")
    assert [request.headers["webhook-id"] for request in requests] == [delivery["id"]] * 2
    assert (delivery["status"], delivery["attempt_count"]) == ("succeeded", 2)
    assert json.loads(requests[1].body)["finished_at"] == json.loads(requests[0].body)["finished_at"]
