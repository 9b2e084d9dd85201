"""The page of an evaluation: one HTML file with its plots inside, that asks nothing of any network."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from bowstreet.recognition.evaluation import plots
from bowstreet.recognition.evaluation.plots import Axis, Row, Series
from bowstreet.recognition.evaluation.report import Verdict

_STYLE = """
:root { color-scheme: light dark; --ink: #16202b; --paper: #fbfcfd; --faint: #d7dee6; --soft: #5b6b7b;
  --blue: #1f6fb2; --amber: #b86a00; --red: #b3261e; --green: #1c7c4a; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6edf3; --paper: #0f161d; --faint: #2a3744; --soft: #93a3b3;
    --blue: #58a6e8; --amber: #e0a03c; --red: #f2857d; --green: #52c08a; }
}
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 820px;
  margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin-bottom: 0; } h2 { font-size: 1.15rem; margin-top: 2.2rem; } h3 { font-size: 1rem; }
p.note { color: var(--soft); } code { word-break: break-all; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(170px, 1fr)); gap: 10px; margin: 1.2rem 0; }
.tile { border: 1px solid var(--faint); border-radius: 6px; padding: 10px 12px; }
.tile b { display: block; font-size: 1.4rem; } .tile span { color: var(--soft); font-size: .85rem; display: block; }
.warn, .tile span.warn { color: var(--red); font-weight: 600; } .tile span.fine { color: var(--green); font-weight: 600; }
svg { width: 100%; height: auto; } svg text { font: 11px system-ui, sans-serif; fill: var(--soft); }
svg text.label { fill: var(--ink); } .grid { stroke: var(--faint); }
.target { stroke: var(--green); stroke-width: 1.5; stroke-dasharray: 4 3; }
.first { fill: none; stroke: var(--blue); stroke-width: 2; } .second { fill: none; stroke: var(--amber); stroke-width: 2; }
.weak { fill: none; stroke: var(--soft); stroke-width: 1.5; stroke-dasharray: 3 3; } .whisker { opacity: .75; }
.first.dot { fill: var(--blue); } .second.dot { fill: var(--amber); } .weak.dot { fill: var(--paper); stroke-dasharray: none; }
.key span { margin-right: 1rem; white-space: nowrap; } .key svg { width: 24px; height: 12px; vertical-align: -1px; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; font-size: .9rem; }
th { text-align: left; font-weight: 600; }
td, th { border-top: 1px solid var(--faint); padding: 3px 8px 3px 0; vertical-align: top; }
"""
STRATA_WORDS = {
    "eyes_px": "Resolution: pixels between the eyes", "yaw_deg": "Turned to the side, degrees", "pitch_deg": "Nodding, degrees",
    "sharpness": "Sharpness, 0 to 1", "mean_luminance": "Brightness, 0 to 1",
    "illumination_uniformity": "Evenness of light, 0 to 1", "unified": "Quality as a whole, 0 to 100",
}  # fmt: skip
_HOW_TO_READ = (
    "TPIR, true positive identification rate: of searches of people on the list, the share that found the right person first. A "
    "picture without a face counts as a miss. FPIR, false positive identification rate: of searches of people who are not on the "
    "list, the share that raised anybody. Lines are 95% intervals: people, not pictures, are drawn anew 1,000 times; where few "
    "people make the difference, or none, the exact Clopper-Pearson interval over people is given. <b>Insufficient data</b> is a "
    "finding: it means that these pictures cannot show whether the model is good enough, not that it is."
)


def html_report(figures: Mapping[str, Any]) -> str:
    """The whole page, of figures as `--json` gives them."""
    parts = [_head(figures)]
    if "identification" in figures:
        parts.append(f'<p class="note">{_HOW_TO_READ}</p>')
        for unit in dict.fromkeys(entry["unit"] for entry in figures["identification"]):
            parts += _identification(figures, unit)
    if "verification" in figures:
        parts += _verification(figures["verification"])
    parts += _failures(figures)
    parts += _speed(figures)
    return (
        '<!doctype html><html lang="en-GB"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>Evaluation of a face model</title><style>{_STYLE}</style></head><body>{''.join(parts)}</body></html>\n"
    )


def _head(figures: Mapping[str, Any]) -> str:
    model = figures["model"]
    rows = [("Model", model["name"]), ("Hash of the model", model["sha256"]), ("Licences", ", ".join(model["licences"]))]
    rows += [("Made", figures["made_at"]), ("Program", f"Bowstreet {figures['version']}, seed {figures['seed']}")]
    if bound := figures.get("equitability"):
        rows += [("Valid until", bound["expires_at"]), ("Hash of the equitability report", bound["sha256"])]
    if figures["groups"]["attributes"]:
        rows.append(("Groups", f"{', '.join(figures['groups']['attributes'])}: as the evaluator gave them, none was guessed"))
    return f"<h1>Evaluation of a face model</h1>{_table((), rows)}"


def _at_main(figures: Mapping[str, Any], unit: str) -> Mapping[str, Any]:
    return next(
        entry
        for entry in figures["identification"]
        if entry["unit"] == unit
        and entry["list_size"] == figures["list"]["people"]
        and entry["threshold"] == round(figures["main_threshold"], 4)
    )


def _identification(figures: Mapping[str, Any], unit: str) -> list[str]:
    main = _at_main(figures, unit)
    full = [one for one in figures["identification"] if one["unit"] == unit and one["list_size"] == main["list_size"]]
    words = "a frame" if unit == "frame" else "a track: the best shot of each"
    return [
        f"<h2>Identification, one search {words}</h2>",
        _tiles(figures, main),
        _det(figures["det"][unit], main),
        "<h3>At each threshold</h3>",
        _thresholds(full),
        *_sizes([one for one in figures["identification"] if one["unit"] == unit and one["threshold"] == main["threshold"]]),
        *_groups(main),
        *_strata(figures["strata"][unit]),
    ]


def _tiles(figures: Mapping[str, Any], main: Mapping[str, Any]) -> str:
    tiles = [
        (f"{main['list_size']:,}", f"people on the list, {figures['list']['images']:,} pictures", None),
        (f"{main['threshold']:g}", f"threshold; the model's floor is {figures['model']['threshold_floor']:g}", None),
        (_percent(main["tpir"]["value"]), f"TPIR, {_interval(main['tpir'])}", main["tpir"]["verdict"]),
        (_percent(main["fpir"]["value"]), f"FPIR, {_interval(main['fpir'])}", main["fpir"]["verdict"]),
    ]
    return (
        '<div class="tiles">'
        + "".join(f'<div class="tile"><b>{a}</b><span>{b}</span>{_verdict(c)}</div>' for a, b, c in tiles)
        + "</div>"
    )


def _verdict(verdict: str | None) -> str:
    if verdict is None:
        return ""
    return f'<span class="{"fine" if verdict == Verdict.SUFFICIENT else "warn"}">{escape(verdict)}</span>'


def _percent(value: float | None) -> str:
    return "not measured" if value is None else f"{value:.2%}"


def _interval(rate: Mapping[str, Any]) -> str:
    return f"{rate['low']:.2%} to {rate['high']:.2%}, from {rate['subjects']:,} people"


def _floor(values: Sequence[float]) -> float:
    """The power of ten at or below the least that is not zero."""
    least = min((value for value in values if value > 0), default=0.01)
    power = 1.0
    while power > least and power > 1e-6:
        power /= 10.0
    return power


def _det(points: Sequence[Mapping[str, float]], main: Mapping[str, Any]) -> str:
    if not points:
        return ""
    trade = Series(name="trade-off", css="first", points=[(one["fpir"], one["fnir"]) for one in points if one["fpir"] > 0])
    here = (
        []
        if main["fpir"]["value"] is None or main["tpir"]["value"] is None
        else [(main["fpir"]["value"], 1 - main["tpir"]["value"])]
    )
    chosen = Series(name=f"at the threshold {main['threshold']:g}", css="second", points=here, dots=True)
    low = _floor([one["fpir"] for one in points])
    shown = plots.curves(
        (trade, chosen),
        Axis(words="FPIR: strangers who raise somebody", low=min(low, 0.1), high=1.0, log=True, percent=True),
        Axis(
            words="FNIR: misses (1 − TPIR)",
            low=min(_floor([one["fnir"] for one in points]), 0.1),
            high=1.0,
            log=True,
            percent=True,
        ),
        "Detection error trade-off: misses against false alerts, both axes logarithmic",
    )
    rising = [(one["threshold"], one) for one in points if one["threshold"] >= 0]
    lines = (
        Series(name="TPIR", css="first", points=[(at, 1 - one["fnir"]) for at, one in rising]),
        Series(name="FPIR", css="second", points=[(at, one["fpir"]) for at, one in rising]),
    )
    by_threshold = plots.curves(
        lines, Axis(words="threshold", low=0.0, high=1.0), Axis(words="share of searches", low=0.0, high=1.0, percent=True),
        "TPIR and FPIR by threshold", upright=main["threshold"],
    )  # fmt: skip
    return f"<h3>Misses against false alerts</h3>{shown}{plots.key((trade, chosen))}{by_threshold}{plots.key(lines)}"


def _thresholds(entries: Sequence[Mapping[str, Any]]) -> str:
    rows = [
        (f"{one['threshold']:g}", *(_cell(one[name]) for name in ("tpir", "fpir")), f"{one['misidentified']['hits']:,}")
        for one in entries
    ]
    return _table(("Threshold", "TPIR", "FPIR", "Another person of the list first"), rows)


def _cell(rate: Mapping[str, Any]) -> str:
    if rate["value"] is None:
        return "not measured"
    counted = f"{rate['hits']:,} of {rate['of']:,}"
    return f"{_percent(rate['value'])} ({rate['low']:.2%} to {rate['high']:.2%}), {counted}; {rate['verdict']}"


def _sizes(entries: Sequence[Mapping[str, Any]]) -> list[str]:
    entries = sorted((one for one in entries if one["list_size"]), key=lambda one: one["list_size"])
    if len(entries) < 2:
        return []
    lines = [
        Series(
            name=name.upper(), css=css, dots=True,
            points=[(one["list_size"], one[name]["value"]) for one in entries if one[name]["value"] is not None],
            band=[(one["list_size"], one[name]["low"], one[name]["high"]) for one in entries if one[name]["value"] is not None],
        )
        for name, css in (("tpir", "first"), ("fpir", "second"))
    ]  # fmt: skip
    shown = plots.curves(
        lines, Axis(words="people on the list", low=entries[0]["list_size"], high=entries[-1]["list_size"], log=True),
        Axis(words="share of searches", low=0.0, high=1.0, percent=True), "TPIR and FPIR by the size of the list",
    )  # fmt: skip
    return ["<h3>By the size of the list</h3>", shown, plots.key(lines)]


def _groups(main: Mapping[str, Any]) -> list[str]:
    groups = main["groups"]
    if not groups:
        return [
            '<h3>Groups</h3><p class="warn">No groups were given: whether the model treats people alike was not looked at.</p>'
        ]
    parts = ["<h3>By group</h3>"]
    for name, words in (
        ("tpir", "TPIR: of searches of people on the list"),
        ("fpir", "FPIR: of searches of people not on the list"),
    ):
        rows = [_row(one["name"], one[name]) for one in groups if len(one["group"]) == 1]
        # What says too little does not stretch the axis.
        told = [main[name]["high"], *(row.high for row in rows if not row.faint), *(row.value or 0.0 for row in rows)]
        high = 1.0 if name == "tpir" else plots.round_up(max(told))
        axis = Axis(words=words, low=0.0, high=high, percent=True)
        rows = [
            Row(name=r.name, value=r.value, low=r.low, high=min(r.high, axis.high), words=r.words, faint=r.faint) for r in rows
        ]
        parts.append(plots.intervals(rows, axis, f"{name.upper()} by group", main[name]["value"]))
    parts.append(
        '<p class="note">Filled: enough people for a finding. Hollow and dashed: insufficient data. Dashed upright: everybody. '
        "A difference is reported when its interval, widened for the number of groups looked at, leaves out zero.</p>"
    )
    rows_of = [
        (one["name"], _cell(one["tpir"]), one["tpir"]["compared"], _cell(one["fpir"]), one["fpir"]["compared"]) for one in groups
    ]
    return [*parts, _table(("Group", "TPIR", "beside others", "FPIR", "beside others"), rows_of)]


def _row(name: str, rate: Mapping[str, Any]) -> Row:
    return Row(
        name=name, value=rate["value"], low=rate["low"], high=rate["high"], words=_cell(rate),
        faint=rate["verdict"] != Verdict.SUFFICIENT,
    )  # fmt: skip


def _strata(strata: Mapping[str, Any]) -> list[str]:
    parts = [f"<h3>By quality of the picture, at the threshold {strata['threshold']:g}</h3>"]
    for name, words in STRATA_WORDS.items():
        rows = [_row(_range(one), one["tpir"]) for one in strata[name]]
        if rows:
            axis = Axis(words="TPIR", low=0.0, high=1.0, percent=True)
            shown = plots.intervals(rows, axis, f"TPIR by {words}")
            table = _table(
                (words, "TPIR", "FPIR"), [(_range(one), _cell(one["tpir"]), _cell(one["fpir"])) for one in strata[name]]
            )
            parts.append(f"<details><summary>{escape(words)}</summary>{shown}{table}</details>")
    return parts


def _range(one: Mapping[str, Any]) -> str:
    low, high = one["from"], one["to"]
    return f"below {high:g}" if low is None else f"{low:g} and more" if high is None else f"{low:g} to {high:g}"


def _verification(found: Mapping[str, Any]) -> list[str]:
    accuracy = found["accuracy_10fold"]
    what = f"{accuracy['folds']} folds" if accuracy["cross_validated"] else "one fold, at its own best threshold: too good"
    rows = [
        ("Pairs", f"{found['pairs']:,}, {found['pairs_without_a_face']:,} of them without a face in one picture"),
        ("Accuracy", f"{accuracy['mean']:.2%}, standard deviation {accuracy['std']:.2%} over {what}"),
        ("Equal error rate", _percent(found["equal_error_rate"])),
        *(
            (
                f"At {one['threshold']:g}",
                f"false matches {_percent(one['fmr']['value'])}, false non-matches {_percent(one['fnmr']['value'])}",
            )
            for one in found["at_threshold"]
        ),
    ]
    line = Series(name="pairs", css="first", points=[(one["fmr"], one["fnmr"]) for one in found["det"] if one["fmr"] > 0])
    low = [_floor([one[name] for one in found["det"]]) for name in ("fmr", "fnmr")]
    shown = plots.curves(
        (line,), Axis(words="false match rate", low=min(low[0], 0.1), high=1.0, log=True, percent=True),
        Axis(words="false non-match rate", low=min(low[1], 0.1), high=1.0, log=True, percent=True),
        "Detection error trade-off of pairs",
    )  # fmt: skip
    return ["<h2>Verification of pairs</h2>", _table((), rows), shown]


def _failures(figures: Mapping[str, Any]) -> list[str]:
    parts = {"list": figures["failure_to_enrol"]} if "list" in figures else {}
    rows = [
        (name, f"{one['hits']:,} of {one['of']:,} pictures", ", ".join(f"{why} {n:,}" for why, n in one["reasons"].items()),
         f"{one['people_without_a_template']:,} of {one['people']:,} people")
        for name, one in {**parts, **figures["failure_to_acquire"]}.items()
    ]  # fmt: skip
    left = ", ".join(f"{why}: {n:,}" for why, n in figures["ignored"].items())
    parts_of = ["<h2>Pictures that could not be used</h2>", _table(("Folder", "No template", "Why", "Nothing usable of"), rows)]
    return [*parts_of, f'<p class="note">Left out of the folders: {escape(left)}.</p>'] if left else parts_of


def _speed(figures: Mapping[str, Any]) -> list[str]:
    time = figures["time_s"]
    rows = [
        (name, *(f"{value[at]:.1f} ms" for at in ("p50", "p95", "p99"))) for name, value in figures["latency_ms"].items() if value
    ]
    note = (
        f"{figures['pictures']:,} pictures, {figures['pictures_per_s']:.1f} a second, by {time['workers']} processes "
        f"in {time['wall']:.1f} s; "
        f"{figures['inference_share_of_time']:.1%} of their time inside the models."
    )
    return ["<h2>Time</h2>", f'<p class="note">{escape(note)}</p>', _table(("Step", "median", "95%", "99%"), rows)]


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    top = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in head)
    body = "".join(f"<tr>{''.join(f'<td>{escape(str(cell))}</td>' for cell in row)}</tr>" for row in rows)
    return f'<div class="wide"><table><tr>{top}</tr>{body}</table></div>'
