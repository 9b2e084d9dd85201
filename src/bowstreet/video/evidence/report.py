"""The finding of a bundle of evidence in plain words: what is proven, and what is not. Pure."""

from typing import Any

import msgspec

from bowstreet.video.evidence.certificate import copy_not_proven
from bowstreet.video.evidence.model import Copies
from bowstreet.video.evidence.redacted import CopyFound
from bowstreet.video.evidence.verify import Finding, RecordingFound

_WHICH = {
    Copies.ORIGINAL: "",
    Copies.REDACTED: "a REDACTED COPY, not the original: ",
    Copies.BOTH: "the original and a redacted copy: ",
}


def says(finding: Finding) -> str:
    if not finding.ok:
        return f"{finding.path} is NOT what was exported. The first thing that is wrong is {finding.file}: {finding.what}."
    lines = [
        (
            f"{finding.path} verifies: {_WHICH[finding.which]}export {finding.export_id} of {finding.operator}, {_of(finding)} "
            f"of incident {finding.incident_id}, {finding.files:,} files, {finding.octets:,} octets."
        ),
        "",
        "Proven:",
        f"- Every file is the one that was exported on {finding.made_at:%Y-%m-%d %H:%M} UTC: the log's key signed for it.",
        *(line for one in finding.recordings for line in _recording(one)),
        f"- Those entries are among the {finding.size:,} of {finding.origin}, root {finding.root}.",
        *_given(finding),
        *(f"- {name} saw the same history, at {at:%Y-%m-%d %H:%M} UTC." for name, at in finding.witnesses.items()),
        *(f"- {video}: {said}" for video, said in finding.credentials.items()),
        "",
        "Not proven:",
        *(f"- {one}" for one in copy_not_proven(finding.which)),
        "- That the camera saw what was there, and that the pictures were not changed before they came.",
        "- That the clocks of the operator, the drone and the camera were right.",
        "- That nothing else was recorded of the incident. Compare with the whole ledger (GET /api/v1/audit/bundle).",
        *(
            []
            if finding.key_known
            else [f"- Whose key it is: it is taken from the bundle. Compare it with the published one: {finding.key}"]
        ),
        *(
            []
            if finding.witnesses
            else ["- That others were not shown another history: no witness was asked for (--witness KEY)."]
        ),
    ]
    return "\n".join(lines)


def _of(finding: Finding) -> str:
    count = len(finding.recordings)
    return "1 recording" if count == 1 else f"{count} recordings"


def _recording(one: RecordingFound) -> list[str]:
    films = "1 film" if one.videos == 1 else f"{one.videos} films"
    said = [
        (
            f"- Recording {one.recording_id} by drone {one.vehicle_id}, from {one.started_at:%Y-%m-%d %H:%M:%S} UTC: "
            + (
                f"its pictures are withheld; the hashes of all {one.parts:,} parts ({films}) are those of what was recorded."
                if one.withheld
                else f"all {one.parts:,} parts ({films}) are what was recorded, none changed, dropped, moved or put in between."
            )
        )
    ]
    if one.anchored:
        said.append(
            f"- {one.entries} entries of the ledger say so for the first {one.anchored:,} parts, made while it was recorded, "
            f"until {one.last_at:%H:%M:%S} UTC."
        )
    if one.anchored < one.parts:
        said.append(f"- For the last {one.parts - one.anchored:,} parts only the export vouches: no entry was made after them.")
    if one.running:
        said.append("- It was still going on; what came later is not in here.")
    if one.dropped:
        said.append(f"- {one.dropped:,} parts came and were not recorded, as the disk did not keep up: there are gaps.")
    return said if one.copy is None else said + _copy(one.copy)


def _copy(copy: CopyFound) -> list[str]:
    changes = copy.added + copy.lifted
    return [
        (
            f"- Its redacted copy is the one that {copy.made_by} had made of it, by entry {copy.entry} at "
            f"{copy.entered_at:%Y-%m-%d %H:%M} UTC: {copy.pictures:,} of {copy.of_pictures:,} pictures, each with the time of "
            "one of the original's, in order."
        ),
        (
            f"- What was covered in it, {copy.regions:,} regions, is in its record, with {changes:,} changes by people "
            f"({copy.added:,} covered, {copy.lifted:,} lifted): each is an entry of the ledger."
        ),
        *(
            ["- The original is in here too, and is the one that the copy was made of."]
            if copy.original_here
            else [f"- Of the original nothing is in here but hashes; SHA-256 of its films is {copy.original_sha256}."]
        ),
    ]


def _given(finding: Finding) -> list[str]:
    leave = finding.leave
    if leave is None or finding.disclosed_at is None:
        return []
    said = [
        (
            f"- Before it was given out, entry {finding.disclosed_entry} said so: by {leave.by} to {leave.recipient}, "
            f"on the ground of {leave.ground}, under authorisation {leave.authorisation_id}, "
            f"at {finding.disclosed_at:%Y-%m-%d %H:%M} UTC."
        )
    ]
    if finding.authorised_entry is not None:
        said.append(f"- That authorisation came into force by entry {finding.authorised_entry}.")
    return said


def to_builtins(finding: Finding) -> dict[str, Any]:
    return {**msgspec.to_builtins(finding), "says": says(finding)}
