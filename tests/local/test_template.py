from pathlib import Path

import pytest

from infra.local.template import declared
from infra.local.tools import CannotRun

TOY = Path(__file__).parent / "toy" / "infra" / "resources.yaml"


def test_tables_are_what_createtable_takes_with_the_prefix_in_their_names():
    ledger, notes = declared(TOY, prefix="testing").tables

    assert ledger.name == "testing-toyledger"
    assert ledger.keys == ("aggregate", "seq")
    assert ledger.has_stream
    assert ledger.expires is None
    assert ledger.definition["StreamSpecification"] == {
        "StreamEnabled": True,
        "StreamViewType": "NEW_AND_OLD_IMAGES",
    }
    assert notes.expires == "expires"
    assert not notes.has_stream
    assert "PointInTimeRecoverySpecification" not in ledger.definition


def test_a_queue_comes_after_the_one_that_its_dead_letters_go_to():
    dead, effects = declared(TOY, prefix="testing", region="cn-north-1").queues

    assert dead.name == "testing-effects-dlq"
    assert dead.dead_letters_of
    assert effects.attributes["VisibilityTimeout"] == "60"
    assert (
        "arn:aws:sqs:cn-north-1:123456789012:testing-effects-dlq"
        in (effects.attributes["RedrivePolicy"])
    )


def test_the_gateways_own_answers_are_read_with_their_quotes_taken_off():
    not_there = declared(TOY).gateway["MISSING_AUTHENTICATION_TOKEN"]

    assert not_there.status == 404
    assert not_there.headers == {"Content-Type": "application/problem+json"}
    assert declared(TOY).gateway["DEFAULT_4XX"].status is None


def test_every_table_of_the_house_has_a_name_that_the_embedded_store_can_stream():
    # its shard ids are as long as the name plus 17, and botocore refuses fewer than 28
    assert all(len(table.name) >= 11 for table in declared().tables)


def test_names_may_be_joined_substituted_and_referred_to(tmp_path):
    template = tmp_path / "resources.yaml"
    template.write_text(
        """
Parameters: {Prefix: {Type: String, Default: ours}}
Resources:
  One:
    Type: AWS::SQS::Queue
    Properties: {QueueName: !Join ["-", [!Ref Prefix, one]]}
  Two:
    Type: AWS::SQS::Queue
    Properties:
      QueueName:
        Fn::Sub: ["${Prefix}-${Word}-${!Not}", {Word: !Sub "two"}]
"""
    )

    assert {queue.name for queue in declared(template, prefix="x").queues} == {
        "x-one",
        "x-two-${!Not}",
    }


def test_a_template_that_is_missing_or_broken_stops_the_start_with_a_sentence(tmp_path):
    with pytest.raises(CannotRun, match="is missing"):
        declared(tmp_path / "resources.yaml")

    (tmp_path / "resources.yaml").write_text("Resources: [")
    with pytest.raises(CannotRun, match="no valid YAML"):
        declared(tmp_path / "resources.yaml")
