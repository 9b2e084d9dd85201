"""The page of an evaluation: one HTML file with its plots inside, that asks nothing of any network."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from bowstreet.recognition.evaluation import plots
from bowstreet.recognition.evaluation.plots import Axis, Row, Series
from bowstreet.recognition.evaluation.report import Verdict
from bowstreet.runtime.sheet import sheet, table

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
    return sheet("Evaluation of a face model", parts)


def _head(figures: Mapping[str, Any]) -> str:
    model = figures["model"]
    rows = [("Model", model["name"]), ("Hash of the model", model["sha256"]), ("Licences", ", ".join(model["licences"]))]
    rows += [("Made", figures["made_at"]), ("Program", f"Bowstreet {figures['version']}, seed {figures['seed']}")]
    if bound := figures.get("equitability"):
        rows += [("Valid until", bound["expires_at"]), ("Hash of the equitability report", bound["sha256"])]
    if figures["groups"]["attributes"]:
        rows.append(("Groups", f"{', '.join(figures['groups']['attributes'])}: as the evaluator gave them, none was guessed"))
    return f"<h1>Evaluation of a face model</h1>{table((), rows)}"


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
    words = "a frame" if unit == "frame" else "a track: whom a deployment would have alerted about"
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
    return table(("Threshold", "TPIR", "FPIR", "Another person of the list first"), rows)


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
    return [*parts, table(("Group", "TPIR", "beside others", "FPIR", "beside others"), rows_of)]


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
            beside = table(
                (words, "TPIR", "FPIR"), [(_range(one), _cell(one["tpir"]), _cell(one["fpir"])) for one in strata[name]]
            )
            parts.append(f"<details><summary>{escape(words)}</summary>{shown}{beside}</details>")
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
    return ["<h2>Verification of pairs</h2>", table((), rows), shown]


def _failures(figures: Mapping[str, Any]) -> list[str]:
    parts = {"list": figures["failure_to_enrol"]} if "list" in figures else {}
    rows = [
        (name, f"{one['hits']:,} of {one['of']:,} pictures", ", ".join(f"{why} {n:,}" for why, n in one["reasons"].items()),
         f"{one['people_without_a_template']:,} of {one['people']:,} people")
        for name, one in {**parts, **figures["failure_to_acquire"]}.items()
    ]  # fmt: skip
    left = ", ".join(f"{why}: {n:,}" for why, n in figures["ignored"].items())
    parts_of = ["<h2>Pictures that could not be used</h2>", table(("Folder", "No template", "Why", "Nothing usable of"), rows)]
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
    return ["<h2>Time</h2>", f'<p class="note">{escape(note)}</p>', table(("Step", "median", "95%", "99%"), rows)]
