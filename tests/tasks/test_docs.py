from tasks.docs import PAGE, render


def test_the_page_of_stages_is_what_the_registry_says():
    assert PAGE.read_text() == render(), "docs/stages.md is stale: run `python -m tasks.docs`"
