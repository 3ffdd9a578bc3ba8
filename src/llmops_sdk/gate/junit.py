"""The answer of a gate as JUnit XML, which CI systems show as tests: a suite for the gate, a case for each check.

NO-GO is a failure, INCONCLUSIVE an error: neither passes.
"""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

from llmops_sdk.gate.outcome import Decision, Outcome

_UNPRINTABLE = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 cannot hold."""

_TAGS = {Outcome.NO_GO: "failure", Outcome.INCONCLUSIVE: "error"}


def junit_xml(decision: Decision) -> str:
    """Return the XML of a decision."""
    counts = {tag: str(sum(check.outcome is outcome for check in decision.checks)) for outcome, tag in _TAGS.items()}
    suite = ET.Element(
        "testsuite",
        name=_text(f"llmops gate {decision.name}"),
        tests=str(len(decision.checks)),
        failures=counts["failure"],
        errors=counts["error"],
        skipped="0",
    )
    properties = ET.SubElement(suite, "properties")
    for name, value in (
        ("run", decision.run_id),
        ("candidate", decision.candidate),
        ("chosen", decision.chosen),
        ("outcome", decision.outcome.value),
    ):
        ET.SubElement(properties, "property", name=name, value=_text(value))
    for check in decision.checks:
        case = ET.SubElement(
            suite,
            "testcase",
            classname=_text(f"{decision.name}.{check.dataset}"),
            name=_text(f"{check.subject} {check.condition}"),
        )
        if check.outcome in _TAGS:
            tag = _TAGS[check.outcome]
            ET.SubElement(case, tag, type=check.outcome.value, message=_text(check.text))
        else:
            ET.SubElement(case, "system-out").text = _text(check.text)
    suites = ET.Element("testsuites", name="llmops gate", tests=suite.attrib["tests"])
    suites.append(suite)
    ET.indent(suites)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(suites, encoding="unicode")}\n'


def _text(text: str) -> str:
    return _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", text)
