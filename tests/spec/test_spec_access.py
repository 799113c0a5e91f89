"""What is wrong with how services, checks and control targets are to be asked, in words."""

import pytest

from spec.spec_examples import assert_told, refused_change


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("8998}", "8998, ca: a.pem}", "8: services.livy.ca: has no effect with http; say scheme: https, or remove it"),
        (
            "port: 8998",
            "port: 8998, scheme: https, path: '/a?b'",
            '8: services.livy.path: "/a?b" is not well formed; write it like /gateway/livy',
        ),
        (
            "placements:",
            "checks: [{name: livy, port: 1}]\nplacements:",
            "11: checks[0].name: livy is a service already; choose another name: verdicts go by it",
        ),
        (
            "placements:",
            "checks: [{name: a, port: 1}, {name: a, port: 2}]\nplacements:",
            "11: checks[1].name: a is in item [0] too; remove one of the two",
        ),
        (
            "placements:",
            "checks: [{name: a, port: 1, ca: a.pem}]\nplacements:",
            "11: checks[0].ca: has no effect with http; *",
        ),
        (
            "interval: 5s",
            "control_targets: [{address: 10.0.0.2}]",
            "23: detection.control_targets[0].port: is missing; *",
        ),
        (
            "interval: 5s",
            "control_targets: [{address: 10.0.0.256, port: 53}]",
            "23: detection.control_targets[0].address: 10.0.0.256 is no IP address; write it like 10.0.0.2 or fd00::2",
        ),
        (
            "interval: 5s",
            "control_targets: [{address: 'fd00:::2', port: 53}]",
            "23: *.address: fd00:::2 is no IP address; *",
        ),
        (
            "interval: 5s",
            "control_targets: [{address: 'http://x', port: 80}]",
            '23: *.address: "http://x" is not well formed; write it like 10.0.0.2 (IP or name)',
        ),
        (
            "interval: 5s",
            "control_targets: [{address: 169.254.169.254, port: 80}]",
            "23: *.address: 169.254.169.254 answers even where the network is cut off; choose a place beyond *",
        ),
        (
            "interval: 5s",
            "control_targets: [{address: a, port: 1}, {address: a, port: 1}]",
            "23: detection.control_targets[1]: a:1 is in item [0] too; remove one of the two",
        ),
        (
            "interval: 5s",
            "control_targets: [" + ", ".join(f"{{address: a, port: {port}}}" for port in range(1, 10)) + "]",
            "23: detection.control_targets: is too long; give 8 item(s) or less",
        ),
    ],
)
def test_a_mistake_is_named_with_its_line_and_a_way_out(old: str, new: str, line: str) -> None:
    assert_told(refused_change(old, new), line)


def test_a_password_written_into_a_check_is_never_repeated() -> None:
    check = "checks: [{name: a, port: 1, credentials: {env: hunter 2}}]"
    assert "hunter" not in refused_change("placements:", f"{check}\nplacements:")
