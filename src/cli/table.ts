// Tables for people, which simple scripts read too: no lines between columns, two spaces, rows numbered from 1.
//
//   2 database(s)
//   -  -------------  ------
//   #  Database Name  Status
//   -  -------------  ------
//   1  defaultdb      LOADED
//   2  books          LOADED
//   -  -------------  ------

import { type TableUserConfig, table } from "table";

/** A row that begins with undefined goes on with the one above, and has no number. */
export type Row = readonly [first: string | undefined, ...rest: string[]];

const LINES: TableUserConfig = {
  border: {
    topBody: "-",
    topJoin: "  ",
    topLeft: "",
    topRight: "",
    bottomBody: "-",
    bottomJoin: "  ",
    bottomLeft: "",
    bottomRight: "",
    bodyLeft: "",
    bodyRight: "",
    bodyJoin: "  ",
    joinBody: "-",
    joinLeft: "",
    joinRight: "",
    joinJoin: "  ",
  },
  columnDefault: { paddingLeft: 0, paddingRight: 0 },
  drawHorizontalLine: (line, rows) => line < 2 || line === rows,
};

/** `things`: what a row is, `database(s)`. Ends with a line break. Without rows there is the caption only. */
export function tableText(things: string, columns: readonly string[], rows: readonly Row[]): string {
  let number = 0;
  const cells = rows.map(([first, ...rest]) => {
    return [first === undefined ? "" : `${++number}`, first ?? "", ...rest].map(oneLine);
  });
  const caption = `${number} ${things}\n`;
  if (rows.length === 0) return caption;
  return caption + table([["#", ...columns], ...cells], LINES).replaceAll(/ +$/gm, "");
}

/** A cell is one line, and moves no cursor: control characters are shown by their number. */
function oneLine(cell: string): string {
  return cell.replaceAll(/[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu, (char) => {
    return `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}
