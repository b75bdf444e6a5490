"""What is shown of each kept result: tables, each with the name of its place in docs/performance.md."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

Rows = list[list[str]]


class Table(NamedTuple):
    """The first row is the head."""

    place: str
    title: str
    rows: Rows


def local(result: dict[str, Any]) -> Iterator[Table]:
    """One for each setting of SyncStorageArea."""
    for sync, phases in result["sync"].items():
        title = f"SyncStorageArea {sync}, instances per second: median (smallest-largest)"
        yield Table(f"local: sync {sync}", title, _compared(phases))


def bridge(result: dict[str, Any]) -> Iterator[Table]:
    """The bridge alone."""
    header = ["4 KiB objects, backend memory", "create", "read range"]
    calls = [_spread(result[verb]["calls_per_second"], 0) for verb in ("create", "range")]
    trips = [_spread(result[verb]["median_us"], 1) for verb in ("create", "range")]
    rows = [header, ["8 threads: calls per second", *calls], ["1 thread: round trip, µs", *trips]]
    yield Table("bridge", "The bridge: median (smallest-largest)", rows)


def clouds(result: dict[str, Any]) -> Iterator[Table]:
    """One for each that the engine `obstore` is compared with, and what of the CPU time is whose."""
    against = result["against"]
    for other, goals in result["goals"].items():
        title = f"obstore against {other}, instances per second: median (smallest-largest)"
        yield Table(f"clouds: {other}", title, _compared(against[other], goals))
    header = ["CPU ms"]
    rows = [[phase] for phase in next(iter(against.values()))]
    for other, phases in against.items():
        # obstore's figures are the same in all
        for name in (other,) if header[1:] else ("obstore", other):
            header += [f"Orthanc, {name}", f"server, {name}"]
            for row, figures in zip(rows, phases.values(), strict=True):
                side = figures["sides"][name]
                row += [f"{side['orthanc_cpu_ms']:.2f}", f"{side['medium_cpu_ms']:.2f}"]
    yield Table("clouds: cpu", "CPU time of Orthanc and of the server behind it, for each instance", [header, *rows])


def latency(result: dict[str, Any]) -> Iterator[Table]:
    """Both distances."""
    near, far = result["ms"]["0"], result["ms"][str(result["rtt"])]
    names = list(far)
    header = ["ms, median", *names, *(f"{name}, {result['rtt']} ms away" for name in names), "goal, obstore"]
    rows = [
        [
            phase,
            *(f"{near[name][phase]:.1f}" for name in names),
            *(f"{far[name][phase]:.1f}" for name in names),
            f"<= {result['goals'][phase]}" if phase in result["goals"] else "",
        ]
        for phase in far[names[0]]
    ]
    yield Table("latency", "One client", [header, *rows])


def callbacks(result: dict[str, Any]) -> Iterator[Table]:
    """Both distances."""
    rows = [["calls per second", "bare obstore", "plugin", "ratio", "goal", "CPU ms, bare", "CPU ms, plugin"]]
    for rtt, verbs in result["rtt"].items():
        for verb, figures in verbs.items():
            bare, ours = figures["bare"], figures["ours"]
            rates = [f"{side['per_second']:.0f}" for side in (bare, ours)]
            cpu = [f"{side['cpu_ms']:.2f}" for side in (bare, ours)]
            rows.append([f"{verb}, {rtt} ms away", *rates, f"{figures['ratio']:.2f}", f">= {result['goal']}", *cpu])
    yield Table("callbacks", "The four callbacks, 8 threads", rows)


def large(result: dict[str, Any]) -> Iterator[Table]:
    """Times and memory."""
    streams, parts, without = (result["sides"][name] for name in ("one stream", "in parts", "built-in"))
    rows = [
        [f"{result['megabytes']} MB object", "one stream", "in parts", "ratio", "goal", "no network: built-in storage"]
    ]
    for verb in ("write", "read"):
        times = [f"{side[verb]:.2f} s" for side in (streams, parts)]
        ratio = streams[verb] / parts[verb]
        rows.append([verb, *times, f"{ratio:.2f}", f">= {result['goals'][verb]}", f"{without[verb]:.2f} s"])
    for verb in ("write", "read"):
        peaks = [f"{side[f'{verb}_memory']:.2f}" for side in (streams, parts)]
        goal = f"<= {result['goals']['memory']}" if verb == "read" else ""
        rows.append([f"peak memory of a {verb} / size", *peaks, "", goal, f"{without[f'{verb}_memory']:.2f}"])
    yield Table("large", "One large object", rows)


def storm(result: dict[str, Any]) -> Iterator[Table]:
    """Numbers of what happened and what went wrong."""
    names = {
        "instances": "instances stored, of them every second one deleted",
        "stalls": "stalls of 3 s",
        "answers_reset": "answers that were a reset",
        "answers_halved": "answers reset in their middle",
        "answers_lost": "answers that never came",
        "errors": "errors that clients saw",
        "damaged": "reads that gave something else",
        "lost": "acknowledged instances that are not there",
        "orphans": "orphans",
        "seconds": "seconds in all",
        "longest": "seconds of the slowest request",
    }
    yield Table("storm", "Bad weather", [["", "number"], *([text, str(result[name])] for name, text in names.items())])


def layers(result: dict[str, Any]) -> Iterator[Table]:
    """Speeds, what was pending, and whose CPU time it was."""
    phases = result["phases"]
    rows = [["", "against", "its figure", "layers", "ratio", "goal", "pending at the end", "seconds to drain"]]
    cpu = [["CPU ms", "Orthanc, other", "Orthanc, layers", "server, layers", "relay, layers", "clients", "busy"]]
    for phase, sides in phases.items():
        (other,) = (name for name in sides if name != "layers")
        theirs, ours = sides[other], sides["layers"]
        drained = [
            _spread(ours[name], digits) if name in ours else "" for name, digits in (("pending", 0), ("drained", 1))
        ]
        goals = result["goals"]
        for name in ("median", "95th percentile") if "median" in ours else ():
            figures = [f"{side[name]:.1f}" for side in (theirs, ours)]
            ratio = f"{ours[name] / theirs[name]:.2f}"
            rows.append([f"{phase}: {name}, ms", other, *figures, ratio, goals[name], *drained])
        if "per_second" in ours:
            figures = [_spread(side["per_second"], 0) for side in (theirs, ours)]
            ratio = f"{ours['per_second']['median'] / theirs['per_second']['median']:.2f}"
            rows.append([f"{phase}: per second", other, *figures, ratio, goals.get(phase, ""), *drained])
        times = [ours["cpu_ms"][name] for name in ("Orthanc", "server", "relay", "clients")]
        cpu.append([phase, *(f"{time:.2f}" for time in (theirs["cpu_ms"]["Orthanc"], *times)), f"{ours['busy']:.0%}"])
    yield Table("layers", "Layers: median (smallest-largest)", rows)
    yield Table("layers: cpu", "CPU time for each instance", cpu)


def scale(result: dict[str, Any]) -> Iterator[Table]:
    """Starts, and single calls by how many files there are."""
    goals, settings = result["goals"], result["settings"]
    names = {
        "cache": "seconds to open the cache",
        "spool": "seconds to open the spool",
        "look around": "seconds until the index is complete, in the background",
        "memory": "MB, both open",
        "memory at the end": "MB, index complete",
    }
    wanted = {"cache": f"<= {goals['open']} together", "spool": "", "memory": f"<= {goals['memory']}"}
    rows = [[f"{settings['entries']} files in the cache, {settings['pending']} pending", *result["opened"], "goal"]]
    for name, text in names.items():
        values = [f"{told[name]:.1f}" if name in told else "" for told in result["opened"].values()]
        rows.append([text, *values, wanted.get(name, "")])
    yield Table("scale: open", "To open both layers, by how the process before has ended", rows)
    levels = result["calls"]
    calls = [["µs, median", *(f"{int(level):,} files" for level in levels)]]
    calls += [[name, *(f"{found[name]:.0f}" for found in levels.values())] for name in next(iter(levels.values()))]
    yield Table("scale: calls", "Single calls of the cache", calls)


TABLES: Final[dict[str, Callable[[dict[str, Any]], Iterator[Table]]]] = {
    "bridge": bridge,
    "callbacks": callbacks,
    "clouds": clouds,
    "large": large,
    "latency": latency,
    "layers": layers,
    "local": local,
    "scale": scale,
    "storm": storm,
}
"""By the name of the benchmark."""


def machine(result: dict[str, Any]) -> str:
    """A sentence about the machine of the result `local`."""
    on = result["machine"]
    shares = [
        side["others_cpu_share"]
        for phases in result["sync"].values()
        for figures in phases.values()
        for side in figures["sides"].values()
    ]
    return (
        f"{on['processor']}, {on['cores']} cores, {on['memory_gib']} GiB, {on['filesystem']}, Linux {on['kernel']}, "
        f"Orthanc {on['orthanc']}, Python {on['python']}. While a phase ran, everything else on the machine, the "
        f"kernel's own threads included, used up to {max(shares):.0%} of its CPU time (the largest median)."
    )


def _compared(phases: dict[str, Any], goals: dict[str, str] | None = None) -> Rows:
    rows: Rows = []
    names: list[str] = []
    for phase, figures in phases.items():
        names = list(figures["sides"])
        sides = figures["sides"].values()
        rounds = figures["ratio_by_round"]
        rows.append(
            [
                phase,
                *(_spread(side["per_second"], 0) for side in sides),
                f"{figures['ratio']:.2f}",
                *([] if goals is None else [goals.get(phase, "")]),
                f"{rounds['min']:.2f}-{rounds['max']:.2f}",
                *(f"{side['orthanc_cpu_ms']:.2f}" for side in sides),
            ]
        )
    cpu = [f"CPU ms, {name}" for name in names]
    return [["", *names, "ratio", *([] if goals is None else ["goal"]), "by round", *cpu], *rows]


def _spread(values: dict[str, float], digits: int) -> str:
    return f"{values['median']:.{digits}f} ({values['min']:.{digits}f}-{values['max']:.{digits}f})"
