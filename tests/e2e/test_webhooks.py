"""A webhook from a real job to a real receiver, which is away at first."""

import json
import time

from standardwebhooks.webhooks import Webhook

from tests.core.outgoing.servers import serving


def test_the_end_of_a_job_arrives_though_the_receiver_was_away(local_client, sample):
    answers = [503]
    with serving(lambda handler: handler.reply(answers.pop() if answers else 204)) as (port, requests):
        secret = local_client.post("/v1/webhooks/job_urls/rotate", 200)["secret"]
        asset = local_client.upload(sample)
        job = local_client.edit(
            asset, [{"start": 1, "end": 2}], preview=False, webhook_url=f"http://127.0.0.1:{port}/hook"
        )
        local_client.wait(job)
        deadline = time.monotonic() + 60
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
