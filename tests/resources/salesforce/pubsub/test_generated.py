"""The stubs in the tree are those of the proto in the tree."""

from tests.resources.salesforce.pubsub.regenerate import GENERATED, STUBS, generate


def test_making_the_stubs_anew_changes_nothing(tmp_path):
    generate(tmp_path)

    for stub in STUBS:
        assert (tmp_path / stub).read_text() == (GENERATED / stub).read_text(), stub
