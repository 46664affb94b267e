// Permissions: numbers on the wire, names on a command line, titles in a table.

import { UsageError } from "../exit-codes.ts";

interface Named {
  readonly number: number;
  readonly name: string;
  readonly title: string;
}

const PERMISSIONS: readonly Named[] = [
  { number: 1, name: "read", title: "Read" },
  { number: 2, name: "readwrite", title: "Read/Write" },
  { number: 254, name: "admin", title: "Admin" },
  { number: 255, name: "sysadmin", title: "System Admin" },
];

/** Throws UsageError for a name that is none. */
export function permissionNumber(name: string): number {
  const permission = PERMISSIONS.find((one) => one.name === name);
  if (permission !== undefined) return permission.number;
  throw new UsageError(`Permission ${name} not recognized: allowed permissions are read, readwrite, admin`);
}

export function permissionName(number: number): string {
  return PERMISSIONS.find((one) => one.number === number)?.name ?? String(number);
}

export function permissionTitle(number: number): string {
  return PERMISSIONS.find((one) => one.number === number)?.title ?? String(number);
}
