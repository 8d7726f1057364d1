#!/usr/bin/env python3
"""terminal.py TYPESCRIPT [FRAMES] >PICTURE.svg

Makes a picture of what a terminal of 80 columns showed, from a recording by `script --quiet --command ... TYPESCRIPT`: the last
screen, or with FRAMES that many of the screens that began with "cursor home", shown one after the other. Knows the control
sequences that td writes, and no others.
"""
import html
import re
import sys

COLOURS = {"32": "#4ec04e", "33": "#e0b030", "1;31": "#ff5f5f", "1;35": "#e070e0", "2": "#808080"}
WIDTH, HEIGHT, LEFT, TOP = 8.4, 18, 14, 14
TOKEN = re.compile(r"\x1b\[([?0-9;]*)([A-Za-z])|([\r\n])|([^\x1b\r\n]+)|\x1b.")


def screens(text):
    """Each screen as it was before the next "cursor home", and the last."""
    rows, row, column, colour = {}, 0, 0, ""
    out = []
    for code, letter, line, words in TOKEN.findall(text):
        if words:
            cells = rows.setdefault(row, {})
            for character in words:
                cells[column] = (character, colour)
                column += 1
        elif line == "\r":
            column = 0
        elif line == "\n":
            row += 1
        elif letter == "H":
            out.append({number: dict(cells) for number, cells in rows.items()})
            row = column = 0
        elif letter == "K":
            rows[row] = {at: cell for at, cell in rows.get(row, {}).items() if at < column}
        elif letter == "J":
            if code == "2":
                rows = {}
            rows = {number: cells for number, cells in rows.items() if number <= row}
        elif letter == "m":
            colour = "" if code == "0" else code
        elif letter == "l" and code == "?1049":
            break
    out.append(rows)
    return [screen for screen in out if any(screen.values())]


def drawn(screen):
    out = []
    for number, cells in sorted(screen.items()):
        for at in sorted(cells):
            character, colour = cells[at]
            before = cells.get(at - 1)
            if character == " " or (before and before[0] != " " and before[1] == colour):
                continue
            word, end = "", at
            while end in cells and cells[end][0] != " " and cells[end][1] == colour:
                word += cells[end][0]
                end += 1
            fill = f' fill="{COLOURS[colour]}"' if colour in COLOURS else ""
            x, y = LEFT + at * WIDTH, TOP + (number + 1) * HEIGHT - 5
            out.append(f'<text x="{x:.1f}" y="{y}" textLength="{len(word) * WIDTH:.1f}"{fill}>{html.escape(word)}</text>')
    return "\n".join(out)


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    with open(sys.argv[1], encoding="utf-8", errors="replace", newline="") as file:
        text = "".join(line for line in file if not line.startswith("Script "))
    shown = screens(text)
    frames = int(sys.argv[2]) if len(sys.argv) == 3 else 1
    shown = shown[-frames:]
    height = 2 * TOP + HEIGHT * (1 + max(max(screen) for screen in shown))
    width = 2 * LEFT + 80 * WIDTH
    print(f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height}" font-family="DejaVu Sans Mono, monospace" '
          f'font-size="14" fill="#d8d8d8"><rect width="100%" height="100%" rx="6" fill="#1c1c1c"/>')
    for number, screen in enumerate(shown):
        if len(shown) == 1:
            print(drawn(screen))
            continue
        times = ";".join(f"{at / len(shown):.4f}" for at in range(len(shown)))
        values = ";".join("visible" if at == number else "hidden" for at in range(len(shown)))
        print(f'<g visibility="{"visible" if number == 0 else "hidden"}"><animate attributeName="visibility" calcMode="discrete" '
              f'dur="{len(shown)}s" repeatCount="indefinite" keyTimes="{times}" values="{values}"/>\n{drawn(screen)}</g>')
    print("</svg>")


if __name__ == "__main__":
    main()
