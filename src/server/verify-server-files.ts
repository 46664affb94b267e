// Verification of what a server keeps beside its databases: its identity, the catalog, the credentials.

import { statSync } from "node:fs";
import { join } from "node:path";
import { CREDENTIALS_DIRECTORY, CredentialStore } from "../auth/credential-store.ts";
import { Catalog, type CatalogEntry } from "../database/catalog.ts";
import { IDENTIFIER_BYTES, IDENTIFIER_FILE } from "../database/identifier.ts";
import { CATALOG_DIRECTORY } from "../database/manager.ts";
import type { VerifyReport } from "../database/verification.ts";
import { ZERO_DIGEST } from "../proof/tx-header.ts";
import type { EngineDriver } from "../store/engine.ts";
import { type VerifyParts, walkFile } from "../store/verify-database.ts";
import { isMalformed } from "../store/verify-report.ts";

/** What the report is called, among those of databases. */
export const SERVER_FILES = "(server)";

/** A database as the catalog knows it. */
export interface KnownDatabase {
  readonly name: string;
  readonly hadTransactions: bigint;
}

export async function verifyServerFiles(
  directory: string,
  parts: VerifyParts,
): Promise<{ readonly report: VerifyReport; readonly databases: readonly KnownDatabase[] }> {
  const { findings } = parts;
  const driver: EngineDriver = {
    ...parts.driver,
    open: (environment, options) => parts.driver.open(environment, { ...options, readOnly: true }),
  };
  const identity = statSync(join(directory, IDENTIFIER_FILE), { throwIfNoEntry: false });
  if (identity?.size !== IDENTIFIER_BYTES)
    findings.add("identity", `${IDENTIFIER_FILE} is not what makes a server known to its clients`);
  let databases: readonly CatalogEntry[] = [];
  await reading("catalog", join(directory, CATALOG_DIRECTORY), parts, async (environment) => {
    const catalog = await Catalog.open(driver, environment);
    databases = catalog.all().filter((entry) => !entry.deleted);
    await catalog.close();
  });
  await reading("credentials", join(directory, CREDENTIALS_DIRECTORY), parts, async (environment) => {
    await using _credentials = await CredentialStore.open(driver, environment);
  });
  const report = {
    database: SERVER_FILES,
    txId: 0n,
    alh: ZERO_DIGEST,
    covered: findings.covered,
    notCovered: findings.notCovered,
    findings: findings.list,
    findingCount: findings.count,
  };
  return {
    report,
    databases: databases.map(({ name, lastSeen }) => ({ name, hadTransactions: BigInt(lastSeen?.transactions ?? 0) })),
  };
}

async function reading(
  kind: "catalog" | "credentials",
  environment: string,
  parts: VerifyParts,
  read: (environment: string) => Promise<void>,
): Promise<void> {
  const { driver, findings } = parts;
  if (!(await driver.exists(environment))) {
    findings.add(kind, "it is not there");
    return;
  }
  if (!(await walkFile(environment, `server-${kind}`, parts))) return;
  try {
    await read(environment);
  } catch (error) {
    if (!isMalformed(error)) throw error;
    findings.add(kind, error.message);
  }
}
