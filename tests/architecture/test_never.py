"""DESIGN's list of what is never built, as far as a test of the tree can hold it."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import bowstreet

SOURCE = Path(bowstreet.__file__).parent
CODE = list(SOURCE.rglob("*.py"))

# Words that could only stand in code for a thing this program must never do. Prose that forbids the thing is in docstrings,
# so only identifiers are searched.
NEVER = {
    "a guess of ethnicity, gender, age or emotion": r"\b\w*(ethnicit|gender|emotion|estimate_age|age_estimat)\w*\b",
    "a weapon or payload drop": r"\b\w*(weapon|payload_drop|drop_payload|release_payload|DO_GRIPPER|DO_WINCH)\w*\b",
    "a prediction of who or where will offend": r"\b\w*(predict_offen|offender_risk|crime_predict|predictive_polic)\w*\b",
    "covert use": r"\b\w*(covert_mode|covert_deployment|stealth)\w*\b",
}


def _identifiers(text: str) -> str:
    without_strings = re.sub(r'("""|\'\'\')(?:.|\n)*?\1|"[^"\n]*"|\'[^\'\n]*\'', '""', text)
    return re.sub(r"#.*", "", without_strings)


@pytest.mark.parametrize("thing", NEVER)
def test_never_built(thing: str) -> None:
    pattern = re.compile(NEVER[thing], re.IGNORECASE)
    found = {
        f"{path.name}: {match.group()}" for path in CODE for match in [pattern.search(_identifiers(path.read_text()))] if match
    }
    assert not found


def test_the_search_would_find_it() -> None:
    assert re.search(NEVER["a weapon or payload drop"], _identifiers("link.send(DO_GRIPPER)"), re.IGNORECASE)
    assert not re.search(NEVER["covert use"], _identifiers('"""never a covert_mode"""'), re.IGNORECASE)


def test_time_is_injected() -> None:
    """Only the clock asks the operating system for the time, so that rules and services run alike on a simulated one."""
    asks = re.compile(r"datetime\.now\(|datetime\.utcnow\(|time\.time\(|time\.monotonic\(|date\.today\(")
    strays = {str(path.relative_to(SOURCE)) for path in CODE if asks.search(_identifiers(path.read_text()))}
    # The clock is the source; the simulated fleet, and the workers of streams and cameras, are other programs with clocks of their own.
    workers = {"video/worker.py", "video/fixed_worker.py", "video/confined.py", "recognition/cameras/watch.py"}
    assert strays <= {"runtime/clock.py", "simulation/fleet.py"} | workers


def test_the_model_runtime_tells_its_maker_nothing() -> None:
    """OpenVINO sends an event over the network when it is imported: it is imported in one place, which prevents that."""
    imports = re.compile(r"^\s*(?:import|from)\s+openvino", re.MULTILINE)
    everywhere = [*CODE, *(SOURCE.parents[1] / "tests").rglob("*.py"), *(SOURCE.parents[1] / "benchmarks").rglob("*.py")]
    assert {path.name for path in everywhere if imports.search(_identifiers(path.read_text()))} <= {"inference.py"}
    watched = (
        "import sys\n"
        "told = []\n"
        "sys.addaudithook(lambda event, args: told.append(event) if event.startswith(('socket.', 'os.fork', 'subprocess')) else None)\n"
        "from bowstreet.runtime.inference import openvino\n"
        "openvino().Core()\n"
        "assert sys.modules.get('openvino_telemetry') is None, 'the telemetry package was loaded'\n"
        "print(told)\n"
    )
    done = subprocess.run([sys.executable, "-c", watched], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "[]", done.stdout + done.stderr
