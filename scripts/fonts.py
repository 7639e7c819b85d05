"""Make the fonts that PDFs embed out of the full Noto files: `python scripts/fonts.py SC-REGULAR SC-BOLD REGULAR BOLD`.

The sources are static TrueType files under the SIL Open Font Licence 1.1 (ReportLab cannot embed the OTF and TTC forms):
Noto Sans SC 2.004, `NotoSansSC_400Regular.ttf` and `NotoSansSC_700Bold.ttf` of the npm package
`@expo-google-fonts/noto-sans-sc` 0.4.3, and Noto Sans 2.015, `NotoSans_400Regular.ttf` and `NotoSans_700Bold.ttf` of
`@expo-google-fonts/noto-sans` 0.4.2. The licence with both copyright lines stands beside the results as `OFL.txt`.

Chinese regular keeps what GB 18030-2022 asks for at its level 2: letters, kana, symbols, U+4E00-9FFF and U+3400-4DBF as
far as the font has them, and the plane 2 characters it has, which include those of the Table of General Standard Chinese
Characters (8105). Chinese bold keeps the letters and symbols and GB 2312; a bold text with any other character is set in
regular. Noto Sans gives what the Chinese fonts lack of Latin (Czech, Polish, Turkish, Vietnamese names ...), Greek,
Cyrillic and currency signs. Hinting, layout features and vertical metrics go: ReportLab uses none of them.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from fontTools import subset

SYMBOLS = (
    (0x0020, 0x007E),  # Basic Latin
    (0x00A0, 0x052F),  # Latin-1 to Cyrillic
    (0x1E00, 0x1EFF),  # Latin Extended Additional
    (0x2000, 0x27BF),  # punctuation, currency, arrows, mathematics, box drawing, dingbats
    (0x2900, 0x2BFF),  # more arrows and symbols
    (0x2E80, 0x33FF),  # radicals, CJK punctuation, kana, bopomofo, squared forms
    (0xF900, 0xFAFF),  # compatibility ideographs
    (0xFE10, 0xFE6F),  # vertical and small forms
    (0xFF00, 0xFFEF),  # full-width and half-width forms
)
LETTERS = ((0x0020, 0x007E), (0x00A0, 0x052F), (0x1E00, 0x1FFF), (0x2000, 0x22FF))  # Latin, Greek, Cyrillic, signs
IDEOGRAPHS = ((0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0x20000, 0x323AF))
# Hinting, shaping and vertical setting: nothing a document of ours uses.
TABLES = ("BASE", "GDEF", "GPOS", "GSUB", "STAT", "gasp", "prep", "vhea", "vmtx")


def spans(ranges: tuple[tuple[int, int], ...]) -> set[int]:
    """The code points of inclusive ranges."""
    return {code for low, high in ranges for code in range(low, high + 1)}


def gb2312() -> set[int]:
    """The code points of GB 2312, by its rows and cells."""
    cells = (bytes((row, cell)) for row in range(0xA1, 0xF8) for cell in range(0xA1, 0xFF))
    return {ord(char) for cell in cells for char in cell.decode("gb2312", "ignore")}


def make(source: Path, target: Path, keep: set[int]) -> None:
    """Write the part of a font that shows these code points; the same source gives the same bytes."""
    options = subset.Options()
    options.hinting = False
    options.layout_features = []
    options.glyph_names = False
    options.notdef_outline = True
    options.recalc_timestamp = False
    options.name_IDs = ["*"]
    options.drop_tables += list(TABLES)
    with subset.load_font(source, options) as font:
        subsetter = subset.Subsetter(options)
        subsetter.populate(unicodes=keep)
        subsetter.subset(font)
        subset.save_font(font, target, options)
        print(f"{target}: {len(font.getBestCmap())} characters, {target.stat().st_size / 1e6:.1f} MB")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("sources", type=Path, nargs=4, metavar="TTF", help="Noto Sans SC regular and bold, Noto Sans regular and bold")
    parser.add_argument("--folder", type=Path, default=Path(__file__).resolve().parents[1] / "config" / "fonts")
    given = parser.parse_args()
    regular, bold, letters, bold_letters = given.sources
    make(regular, given.folder / "NotoSansSC-Regular.ttf", spans(SYMBOLS) | spans(IDEOGRAPHS))
    make(bold, given.folder / "NotoSansSC-Bold.ttf", spans(SYMBOLS) | gb2312())
    make(letters, given.folder / "NotoSans-Regular.ttf", spans(LETTERS))
    make(bold_letters, given.folder / "NotoSans-Bold.ttf", spans(LETTERS))


if __name__ == "__main__":
    main()
