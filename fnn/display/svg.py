"""Drawings of directed graphs: boxes with text in ranks, from top to bottom.

A node's rank is the length of the longest way to it. An edge over several ranks has a joint in
each, which takes its place among the nodes there, so that edges go around boxes. Nodes are ordered
by the mean place of their neighbours, and then moved towards these.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from xml.sax.saxutils import escape, quoteattr

__all__ = ["Box", "drawing"]

LETTER, LINE = 7.3, 15  # of 12 px monospaced text
MARGIN, GAP, RISE = 14, 22, 34  # around text; between neighbours; between ranks
SWEEPS = 8


@dataclass(frozen=True)
class Box:
    """A node: lines of text in an oval, and a tooltip."""

    lines: tuple[str, ...]
    tooltip: str = ""
    fill: str = "white"
    stroke: str = "black"


@dataclass(eq=False)
class Place:
    """Where a node, or a joint of an edge, is drawn."""

    name: str = ""
    box: Box | None = None
    rank: int = 0
    x: float = 0
    y: float = 0
    above: list["Place"] = field(default_factory=list)
    below: list["Place"] = field(default_factory=list)

    @property
    def width(self) -> float:
        """The oval's width."""
        return max(map(len, self.box.lines), default=0) * LETTER + 2 * MARGIN if self.box else 0

    @property
    def height(self) -> float:
        """The oval's height."""
        return len(self.box.lines) * LINE + 2 * MARGIN if self.box else 0


def drawing(boxes: dict[str, Box], edges: Iterable[tuple[str, str]], title: str | None = None) -> str:
    """A graph without cycles as SVG: nodes by name, and pairs of names."""
    places = {name: Place(name, box) for name, box in boxes.items()}
    pairs = [(places[a], places[b]) for a, b in edges if a != b]
    for place, rank in ranked(places.values(), pairs).items():
        place.rank = rank
    chains = [chained(a, b) for a, b in pairs]
    joints = [joint for chain in chains for joint in chain[1:-1]]
    rows: list[list[Place]] = [[] for _ in range(1 + max((p.rank for p in places.values()), default=0))]
    for place in [*places.values(), *joints]:
        rows[place.rank].append(place)
    arrange(rows)
    top = 0.0 if title is None else 2.0 * LINE
    for row in rows:
        height = max((p.height for p in row), default=0)
        for place in row:
            place.y = top + height / 2
        top += height + RISE
    everything = [place for row in rows for place in row]
    left = min((p.x - p.width / 2 for p in everything), default=0) - GAP
    right = max((p.x + p.width / 2 for p in everything), default=0) + GAP
    size = f'viewBox="{left:.0f} -10 {right - left:.0f} {top:.0f}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} width="{right - left:.0f}" '
    font = 'font-family="monospace" font-size="12" text-anchor="middle"'
    parts = [f'{head}height="{top:.0f}" {font}>', ARROW]
    if title is not None:
        parts.append(f'<text x="{(left + right) / 2:.1f}" y="{LINE}" fill="gray">{escape(title)}</text>')
    parts += [way(chain) for chain in chains] + [oval(place) for place in places.values()]
    return "\n".join([*parts, "</svg>"])


ARROW = (
    '<defs><marker id="arrow" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" '
    'orient="auto"><path d="M0 0L8 4L0 8z" fill="gray"/></marker></defs>'
)


def ranked(places: Iterable[Place], pairs: list[tuple[Place, Place]]) -> dict[Place, int]:
    """The length of the longest way to each."""
    ranks = dict.fromkeys(places, 0)
    onwards: dict[Place, list[Place]] = {place: [] for place in ranks}
    waiting = dict.fromkeys(ranks, 0)
    for a, b in pairs:
        onwards[a].append(b)
        waiting[b] += 1
    turn = [place for place, count in waiting.items() if not count]
    for a in turn:
        for b in onwards[a]:
            ranks[b] = max(ranks[b], ranks[a] + 1)
            waiting[b] -= 1
            if not waiting[b]:
                turn.append(b)
    return ranks


def chained(a: Place, b: Place) -> list[Place]:
    """The places that an edge passes, with joints in the ranks between its ends."""
    step = 1 if b.rank >= a.rank else -1
    chain = [a, *(Place(rank=rank) for rank in range(a.rank + step, b.rank, step)), b]
    for upper, lower in zip(chain[::step], chain[::step][1:], strict=False):
        upper.below.append(lower)
        lower.above.append(upper)
    return chain


def arrange(rows: list[list[Place]]) -> None:
    """Give every place its x."""
    for row in rows:
        spread(row, [0.0] * len(row))
    for sweep in range(SWEEPS):
        down = sweep % 2 == 0
        for row in rows if down else rows[::-1]:
            wish = {p: middle(p.above if down else p.below, p.x) for p in row}
            if sweep < SWEEPS - 2:
                row.sort(key=wish.__getitem__)
            spread(row, [wish[p] for p in row])


def middle(others: list[Place], default: float) -> float:
    """The mean x."""
    return sum(p.x for p in others) / len(others) if others else default


def spread(row: list[Place], wishes: list[float]) -> None:
    """Put a row's places near their wishes, without overlaps, keeping the order."""
    for moved, (place, wish) in enumerate(zip(row, wishes, strict=True)):
        left = row[moved - 1] if moved else None
        nearest = left.x + (left.width + place.width) / 2 + GAP if left else wish
        place.x = max(wish, nearest)
    off = sum(p.x - w for p, w in zip(row, wishes, strict=True)) / max(len(row), 1)
    for place in row:
        place.x -= off


def way(chain: list[Place]) -> str:
    """An edge as a smooth line."""
    step = 1 if chain[-1].rank >= chain[0].rank else -1
    points = [(p.x, p.y) for p in chain]
    points[0] = (chain[0].x, chain[0].y + step * chain[0].height / 2)
    points[-1] = (chain[-1].x, chain[-1].y - step * chain[-1].height / 2)
    text = "M{:.1f} {:.1f}".format(*points[0])
    for (x, y), (u, v) in zip(points, points[1:], strict=False):
        half = (y + v) / 2
        text += f"C{x:.1f} {half:.1f} {u:.1f} {half:.1f} {u:.1f} {v:.1f}"
    return f'<path d="{text}" fill="none" stroke="gray" marker-end="url(#arrow)"/>'


def oval(place: Place) -> str:
    """A node: its shape, its text and its tooltip."""
    assert place.box is not None
    box, top = place.box, place.y - len(place.box.lines) * LINE / 2 + LINE - 4
    lines = [
        f'<text x="{place.x:.1f}" y="{top + i * LINE:.1f}" fill="black">{escape(line)}</text>'
        for i, line in enumerate(box.lines)
    ]
    shape = (
        f'<rect x="{place.x - place.width / 2:.1f}" y="{place.y - place.height / 2:.1f}" '
        f'width="{place.width:.1f}" height="{place.height:.1f}" rx="{place.height / 2:.1f}" '
        f'fill={quoteattr(box.fill)} stroke={quoteattr(box.stroke)}/>'
    )
    title = f"<title>{escape(box.tooltip or box.lines[0])}</title>"
    return f'<g class="node" id={quoteattr(place.name)}>{title}{shape}{"".join(lines)}</g>'
