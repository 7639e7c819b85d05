"""Reading PDFs back: the text by one program, the picture by another."""

from __future__ import annotations

import io

import pypdf
import pypdfium2
from PIL import Image


def pages(pdf: bytes) -> list[list[str]]:
    """The lines of each page in reading order, by pypdf."""
    return [page.extract_text().splitlines() for page in pypdf.PdfReader(io.BytesIO(pdf)).pages]


def text(pdf: bytes) -> str:
    """All text of a document, lines joined by single spaces."""
    return " ".join(" ".join(lines) for lines in pages(pdf))


def picture(pdf: bytes, number: int = 0, scale: float = 2.0) -> Image.Image:
    """A page as PDFium draws it, grey."""
    document = pypdfium2.PdfDocument(pdf)
    try:
        return document[number].render(scale=scale, grayscale=True).to_pil().convert("L")
    finally:
        document.close()


def right_edge(pdf: bytes, text: str) -> float:
    """Where, in points, the last glyph of a text on the first page ends, by PDFium."""
    document = pypdfium2.PdfDocument(pdf)
    try:
        page = document[0].get_textpage()
        start = page.get_text_range().index(text)
        return float(page.get_charbox(start + len(text) - 1)[2])
    finally:
        document.close()


def ink(image: Image.Image, box: tuple[int, int, int, int] | None = None) -> int:
    """How many dark pixels a picture, or a part of it, has."""
    return sum(image.crop(box).histogram()[:128]) if box else sum(image.histogram()[:128])


def fonts(pdf: bytes) -> list[tuple[str, bool]]:
    """The fonts of the first page: name, and whether the file carries it."""
    page = pypdf.PdfReader(io.BytesIO(pdf)).pages[0]
    found = []
    for entry in page["/Resources"]["/Font"].values():
        font = entry.get_object()
        if "/DescendantFonts" in font:
            font = font["/DescendantFonts"][0].get_object()
        descriptor = font.get("/FontDescriptor")
        found.append((str(font["/BaseFont"]), bool(descriptor) and "/FontFile2" in descriptor.get_object()))
    return found
