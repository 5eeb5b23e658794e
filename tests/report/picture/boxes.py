"""Where the texts of a picture are, as a reader with the widest font sees them."""

from xml.etree import ElementTree

from nsmodel.report.picture.svg import Style, width_of

Box = tuple[str, float, float, float, float]


def boxes_of(svg: str) -> list[Box]:
    """Each text with left, top, right and bottom."""
    out = []
    for e in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text"):
        size = float(e.attrib["font-size"])
        style = Style(size, mono="Mono" in e.attrib.get("font-family", ""), bold="font-weight" in e.attrib)
        wide = width_of(e.text or "", style)
        x, y = float(e.attrib["x"]), float(e.attrib["y"])
        left = x - wide / 2 if e.attrib.get("text-anchor") == "middle" else x
        out.append((e.text or "", left, y - 0.74 * size, left + wide, y + 0.1 * size))
    return out


def overlapping(boxes: list[Box]) -> list[tuple[str, str]]:
    """Pairs of texts that are on top of each other, and texts that leave the page at the left."""
    out = [(name, "the edge") for name, left, *_ in boxes if left < 0]
    for i, (a, left, top, right, bottom) in enumerate(boxes):
        for b, left2, top2, right2, bottom2 in boxes[i + 1 :]:
            if left < right2 - 0.5 and left2 < right - 0.5 and top < bottom2 and top2 < bottom:
                out.append((a, b))
    return out
