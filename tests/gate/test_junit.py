"""JUnit XML: a suite for the gate, a case for each check; only GO passes."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import attrs

from llmops_sdk.gate.junit import junit_xml
from llmops_sdk.gate.outcome import Decision, Outcome

from .test_outcome import check_of

CHECKS = tuple(check_of(outcome) for outcome in Outcome)
DECISION = Decision("sales-1", "sales", "tuned", "named", Outcome.NO_GO, "1 of 3", CHECKS)


def test_only_go_passes() -> None:
    """NO-GO is a failure, INCONCLUSIVE an error; the counts are those of the cases."""
    suite = ET.fromstring(junit_xml(DECISION).encode()).find("testsuite")

    assert suite is not None
    assert ("3", "1", "1") == tuple(suite.attrib[name] for name in ("tests", "failures", "errors"))
    passed, failed, undecided = suite.findall("testcase")
    assert "rougeL at least 0.3" == passed.attrib["name"]
    assert "sales.sales" == passed.attrib["classname"]
    assert ["system-out"] == [each.tag for each in passed]
    assert ("NO-GO", "a text") == tuple(next(iter(failed.iter("failure"))).attrib[name] for name in ("type", "message"))
    assert "INCONCLUSIVE" == next(iter(undecided.iter("error"))).attrib["type"]
    outcome = [each.attrib["value"] for each in suite.iter("property") if each.attrib["name"] == "outcome"]
    assert ["NO-GO"] == outcome


def test_any_text_is_valid_xml() -> None:
    """Markup is escaped, and what XML cannot hold is replaced."""
    check = attrs.evolve(CHECKS[1], text="<b> & \x00\x1b[31m \ud800", dataset='a"b')

    case = ET.fromstring(junit_xml(attrs.evolve(DECISION, checks=(check,))).encode()).find(".//failure")

    assert case is not None
    assert "<b> & \ufffd\ufffd[31m \ufffd" == case.attrib["message"]
