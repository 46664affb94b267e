// Rows as a table, for people. Loaded when somebody asks for one.

import { getBorderCharacters, table } from "table";
import { onOneLine, type Row } from "./output.ts";

/** Longest text of a cell, in characters; what is longer ends in "…". */
const CELL_LENGTH_MAX = 80;
/** Characters that are looked at of a longer one. */
const CELL_READ_MAX: number = 4 * CELL_LENGTH_MAX;

/** All rows have the columns of the first; a table of no rows is no text. */
export function boxedTable(rows: readonly Row[]): string {
  const columns = Object.keys(rows[0] ?? {});
  if (columns.length === 0) return "";
  const lines = [columns, ...rows.map((row) => columns.map((column) => cell(row[column] ?? "")))];
  return table(lines, {
    border: getBorderCharacters("norc"),
    columnDefault: { truncate: CELL_LENGTH_MAX },
    drawHorizontalLine: (at, size) => at <= 1 || at === size,
  });
}

function cell(content: string | Uint8Array): string {
  const text = typeof content === "string" ? content : onOneLine(content);
  return text.slice(0, CELL_READ_MAX).toWellFormed();
}
