"""Drawings of directed graphs: ovals with text in ranks, from top to bottom.

A node's rank is the length of the longest way to it. An edge over several ranks has a joint in
each, which takes its place among the nodes there, so that edges go around nodes. Nodes are ordered
by the mean place of their neighbours, and moved towards it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from xml.sax.saxutils import escape, quoteattr

__all__ = ["Box", "drawing"]

LETTER, LINE = 7.3, 15  # of text of 12 px
MARGIN, GAP, RISE = 14, 22, 34  # around text; between neighbours; between ranks
SWEEPS, SETTLED = 8, 6  # of ordering and moving; after so many the order stays

ARROW = (
    '<defs><marker id="arrow" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" '
    'orient="auto-start-reverse"><path d="M0 0L8 4L0 8z" fill="gray"/></marker></defs>'
)


@dataclass(frozen=True)
class Box:
    """What is drawn for a node: lines of text in an oval, and a tooltip."""

    lines: tuple[str, ...]
    tooltip: str = ""
    fill: str = "white"
    stroke: str = "black"


@dataclass(eq=False)
class Place:
    """Where a node is drawn, or a joint of an edge."""

    rank: int
    width: float = 0
    height: float = 0
    x: float = 0
    y: float = 0
    above: list["Place"] = field(default_factory=list)
    below: list["Place"] = field(default_factory=list)


def drawing(
    boxes: dict[str, Box], edges: Iterable[tuple[str, str]], title: str | None = None
) -> str:
    """A graph as SVG: what is drawn for each node by name, and pairs of names."""
    pairs = list(edges)
    places = {
        name: Place(rank, *size(box))
        for (name, box), rank in zip(boxes.items(), ranks(boxes, pairs), strict=True)
    }
    chains = [chain(places[a], places[b]) for a, b in pairs]
    everything = dict.fromkeys([*places.values(), *(p for chain in chains for p in chain)])
    rows: list[list[Place]] = [[] for _ in range(1 + max((p.rank for p in everything), default=0))]
    for place in everything:
        rows[place.rank].append(place)
    arrange(rows)
    bottom = stack(rows, 0 if title is None else 2 * LINE)
    left = min((p.x - p.width / 2 for p in everything), default=0) - GAP
    width = max((p.x + p.width / 2 for p in everything), default=0) + GAP - left
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{bottom:.0f}" '
        f'viewBox="{left:.0f} -{RISE / 2:.0f} {width:.0f} {bottom:.0f}" '
        'font-family="monospace" font-size="12" text-anchor="middle">',
        ARROW,
        *(way(passed, places[b]) for (_, b), passed in zip(pairs, chains, strict=True)),
        *(oval(name, box, places[name]) for name, box in boxes.items()),
        "</svg>",
    ]
    if title is not None:
        parts.insert(2, text(title, left + width / 2, LINE, "gray"))
    return "\n".join(parts)


def ranks(names: Iterable[str], pairs: list[tuple[str, str]]) -> list[int]:
    """The length of the longest way to each node; on a cycle, of a way that enters it."""
    found = dict.fromkeys(names, 0)
    waiting = dict.fromkeys(found, 0)
    onwards: dict[str, list[str]] = {name: [] for name in found}
    for a, b in pairs:
        onwards[a].append(b)
        waiting[b] += 1
    turn = [name for name, count in waiting.items() if not count]
    for a in turn:
        for b in onwards[a]:
            found[b] = max(found[b], found[a] + 1)
            waiting[b] -= 1
            if not waiting[b]:
                turn.append(b)
    return list(found.values())


def chain(a: Place, b: Place) -> list[Place]:
    """The places that an edge passes from the top down, with joints in the ranks between."""
    upper, lower = (a, b) if a.rank <= b.rank else (b, a)
    joints = [Place(rank) for rank in range(upper.rank + 1, lower.rank)]
    passed = [upper, *joints, lower]
    for one, next_one in pairwise(passed):
        one.below.append(next_one)
        next_one.above.append(one)
    return passed


def arrange(rows: list[list[Place]]) -> None:
    """Give every place its x."""
    for row in rows:
        spread(row, [0.0] * len(row))
    for sweep in range(SWEEPS):
        down = sweep % 2 == 0
        for row in rows if down else rows[::-1]:
            wishes = {p: middle(p.above if down else p.below, p.x) for p in row}
            if sweep < SETTLED:
                row.sort(key=wishes.__getitem__)
            spread(row, [wishes[p] for p in row])


def middle(others: list[Place], default: float) -> float:
    """The mean x."""
    return sum(p.x for p in others) / len(others) if others else default


def spread(row: list[Place], wishes: list[float]) -> None:
    """Put a row's places near where they wish to be, in order and without overlaps."""
    edge = -float("inf")
    for place, wish in zip(row, wishes, strict=True):
        place.x = max(wish, edge + place.width / 2)
        edge = place.x + place.width / 2 + GAP
    off = sum(p.x - wish for p, wish in zip(row, wishes, strict=True)) / max(len(row), 1)
    for place in row:
        place.x -= off


def stack(rows: list[list[Place]], top: float) -> float:
    """Give every place its y; return where the drawing ends. Joints are as high as their rank."""
    for row in rows:
        height = max((p.height for p in row), default=0)
        for place in row:
            place.y = top + height / 2
            place.height = place.height or height
        top += height + RISE
    return top


def way(passed: list[Place], target: Place) -> str:
    """An edge as a smooth line, which bends between the ranks."""
    _, (x, y), *points, _ = [(p.x, p.y + side * p.height / 2) for p in passed for side in (-1, 1)]
    line = f"M{x:.1f} {y:.1f}"
    for u, v in points:
        half = (y + v) / 2
        line += f"C{x:.1f} {half:.1f} {u:.1f} {half:.1f} {u:.1f} {v:.1f}"
        x, y = u, v
    end = "end" if passed[-1] is target else "start"
    return f'<path d="{line}" fill="none" stroke="gray" marker-{end}="url(#arrow)"/>'


def oval(name: str, box: Box, place: Place) -> str:
    """A node: its shape, its text and its tooltip."""
    first = place.y - len(box.lines) * LINE / 2 + LINE - 4
    lines = "".join(text(s, place.x, first + i * LINE, "black") for i, s in enumerate(box.lines))
    shape = (
        f'<rect x="{place.x - place.width / 2:.1f}" y="{place.y - place.height / 2:.1f}" '
        f'width="{place.width:.1f}" height="{place.height:.1f}" rx="{place.height / 2:.1f}" '
        f"fill={quoteattr(box.fill)} stroke={quoteattr(box.stroke)}/>"
    )
    title = f"<title>{escape(box.tooltip)}</title>" if box.tooltip else ""
    return f'<g class="node" data-name={quoteattr(name)}>{title}{shape}{lines}</g>'


def text(line: str, x: float, y: float, fill: str) -> str:
    """A line of text."""
    return f'<text x="{x:.1f}" y="{y:.1f}" fill="{fill}">{escape(line)}</text>'


def size(box: Box) -> tuple[float, float]:
    """How wide and how high an oval is."""
    return max(map(len, box.lines)) * LETTER + 2 * MARGIN, len(box.lines) * LINE + 2 * MARGIN
