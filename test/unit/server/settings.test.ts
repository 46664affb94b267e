import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { CONFIG_FILE_BYTES_MAX, SECRET_FILE_BYTES_MAX } from "../../../src/base/limits.ts";
import { type ReadConfig, readConfig } from "../../../src/server/config.ts";
import { searchPlaces } from "../../../src/server/config-file.ts";
import { StartError } from "../../../src/server/errors.ts";

describe("settings of the server", () => {
  let home: string;
  let file: string;
  beforeEach(async () => {
    home = await mkdtemp(join(tmpdir(), "settings-"));
    file = join(home, "immudb.toml");
  });
  afterEach(() => rm(home, { recursive: true }));

  const read = (given: Record<string, string | true> = {}, environment: Record<string, string> = {}): ReadConfig =>
    readConfig(new Map(Object.entries(given)), environment);

  const refusal = (given: Record<string, string | true>, environment: Record<string, string> = {}): StartError => {
    try {
      read(given, environment);
    } catch (error) {
      assert.ok(error instanceof StartError, String(error));
      assert.notEqual(error.hint, "");
      return error;
    }
    return assert.fail("the configuration was accepted");
  };

  const originOf = (config: ReadConfig, name: string) => {
    const { value, source, origin, over } = config.settings.find(({ flag }) => flag.name === name) ?? assert.fail(name);
    return { value, source, origin, over };
  };

  test("the command line wins over the environment, that over the file, and that over the default", async () => {
    await writeFile(
      file,
      'port = 1\naddress = "127.0.0.1"\nmax-sessions = 5\ntoken-expiry-time = "60"\nlog-access = true\n',
    );
    const found = read({ config: file, port: "3" }, { IMMUDB_PORT: "2", IMMUDB_MAX_SESSIONS: "6" });
    const { config } = found;
    assert.deepEqual(
      [config.port, config.sessionsMax, config.address, config.tokenLifetimeMs, config.logAccess, config.directory],
      [3, 6, "127.0.0.1", 3_600_000, true, "./data"],
    );
    assert.deepEqual(originOf(found, "port"), {
      value: "3",
      source: "command line",
      origin: "--port",
      over: ["IMMUDB_PORT", `port in ${file}`],
    });
    assert.deepEqual(originOf(found, "max-sessions").source, "environment");
    assert.deepEqual(originOf(found, "address").origin, `address in ${file}`);
    assert.deepEqual(originOf(found, "dir").source, "default");
    assert.equal(config.configFile, file);
  });

  test("a file may be named by the environment, and keys are the same in capitals", async () => {
    await writeFile(file, 'SIGNINGKEY = "k.pem"\n');
    assert.equal(read({}, { IMMUDB_CONFIG: file }).config.signingKey, "k.pem");
  });

  test("the file in the home directory is read when there is one, that of /etc for an installed service only", async () => {
    assert.equal(read({}, { HOME: home }).config.port, 3322);
    await writeFile(file, "port = 7\n");
    assert.equal(read({}, { HOME: home }).config.port, 7);
    assert.equal(read({}, {}).config.port, 3322);
    assert.deepEqual(searchPlaces({ HOME: "/h" }, "/usr/bin/immudb"), ["/h/immudb.toml"]);
    assert.deepEqual(searchPlaces({}, "/usr/sbin/immudb"), ["/etc/immudb/immudb.toml"]);
  });

  test("a file that everybody may write to is refused when it was found, and told when it was named", async () => {
    await writeFile(file, "port = 7\n");
    await chmod(file, 0o666);
    assert.match(refusal({}, { HOME: home }).message, /everybody may write/);
    assert.deepEqual(read({ config: file }).warnings, [`everybody may write to the configuration file ${file}`]);
  });

  test("a password that everybody may read is told, and not shown", async () => {
    await writeFile(file, 'admin-password = "Secret1!"\n');
    await chmod(file, 0o644);
    const { warnings, config } = read({ config: file });
    assert.deepEqual(warnings, [`everybody may read admin-password in ${file}`]);
    assert.equal(config.adminPassword, "Secret1!");
    await chmod(file, 0o600);
    assert.deepEqual(read({ config: file }).warnings, []);
  });

  for (const [content, message, hint] of [
    ["prot = 1", /a setting that there is not: prot/, /did you mean port\?/],
    ["max_sessions = 1", /there is not: max_sessions/, /did you mean max-sessions\?/],
    ["[log]\nformat = 1", /there is not: log/, /./],
    ["colour = 1", /there is not: colour/, /--help/],
    ["port = 1.5", /port in .* is not text, a whole number/, /./],
    ["port = [1]", /port in .* is not text/, /./],
    ["port = 99999", /port in .* is '99999', which is not a number from 0 to 65535/, /./],
    ['auth = "perhaps"', /auth in .* is 'perhaps'/, /./],
    ["port = 1\nPORT = 2", /says twice what port is/, /./],
    ['config = "x"', /names a configuration file itself/, /./],
    ["port = ", /line 1, column \d+/, /TOML/],
  ] as const) {
    test(`${JSON.stringify(content)} in a file is refused by name`, async () => {
      await writeFile(file, content);
      const error = refusal({ config: file });
      assert.match(error.message, message);
      assert.ok(error.message.includes(file), error.message);
      assert.match(error.hint, hint);
    });
  }

  test("what is said about a broken file never holds its lines", async () => {
    await writeFile(file, 'port = 1\nadmin-password = "hush-hush\n');
    const error = refusal({ config: file });
    assert.match(error.message, /line 2/);
    assert.doesNotMatch(`${error.message}${error.hint}${error.stack}`, /hush/);
  });

  test("a file that is missing, a directory, too long or no text is refused by name", async () => {
    assert.match(refusal({ config: join(home, "none.toml") }).message, /none\.toml/);
    assert.match(refusal({ config: home }).message, /cannot be read/);
    await writeFile(file, "#".repeat(CONFIG_FILE_BYTES_MAX + 1));
    assert.match(refusal({ config: file }).message, /longer than 1048576 bytes/);
    await writeFile(file, Uint8Array.of(0xff, 0xfe, 0x00));
    assert.match(refusal({ config: file }).message, /UTF-8/);
  });

  test("keys that the original's own files have and nobody reads are accepted", async () => {
    await writeFile(file, 'network = "tcp"\ndbname = "x"\nconsistency-check = true\nport = 9\n');
    const { config, warnings } = read({ config: file });
    assert.equal(config.port, 9);
    assert.deepEqual(warnings, [`without effect, in ${file}: network, dbname, consistency-check`]);
  });

  test("a secret is read from the file that its variable names, without the line break at its end", async () => {
    const secret = join(home, "password");
    for (const [content, password] of [
      ["Secret1!\n", "Secret1!"],
      ["Secret1!\r\n", "Secret1!"],
      [" two words ", " two words "],
      ["enc:c2VjcmV0IQ==\n", "secret!"],
    ] as const) {
      await writeFile(secret, content);
      const found = read({}, { IMMUDB_ADMIN_PASSWORD_FILE: secret });
      assert.equal(found.config.adminPassword, password);
      assert.equal(found.config.adminPasswordGiven, true);
      assert.equal(originOf(found, "admin-password").source, "secret file");
    }
  });

  test("a secret may come through a pipe", () => {
    const script = `import { readConfig } from ${JSON.stringify(new URL("../../../src/server/config.ts", import.meta.url))};
      console.log(readConfig(new Map(), process.env).config.adminPassword);`;
    const out = execFileSync(
      "bash",
      ["-c", 'IMMUDB_ADMIN_PASSWORD_FILE=<(echo Piped1!) "$0" --input-type=module -e "$1"', process.execPath, script],
      { encoding: "utf8" },
    );
    assert.equal(out, "Piped1!\n");
  });

  test("a secret from a file counts as the environment: less than the command line, more than the configuration file", async () => {
    const secret = join(home, "password");
    await writeFile(secret, "fromSecretFile");
    await writeFile(file, 'admin-password = "fromFile"\n', { mode: 0o600 });
    const environment = { IMMUDB_ADMIN_PASSWORD_FILE: secret };
    assert.equal(read({ config: file }, environment).config.adminPassword, "fromSecretFile");
    assert.equal(read({ config: file, "admin-password": "flag" }, environment).config.adminPassword, "flag");
    assert.match(
      refusal({}, { ...environment, IMMUDB_ADMIN_PASSWORD: "x" }).message,
      /IMMUDB_ADMIN_PASSWORD and IMMUDB_ADMIN_PASSWORD_FILE are both set/,
    );
  });

  test("a secret file that is missing or too long is refused by its variable, and its content is never shown", async () => {
    const secret = join(home, "password");
    const environment = { IMMUDB_ADMIN_PASSWORD_FILE: secret };
    assert.match(refusal({}, environment).message, /^IMMUDB_ADMIN_PASSWORD_FILE cannot be read/);
    await writeFile(secret, "hush".repeat(SECRET_FILE_BYTES_MAX / 4 + 1));
    assert.match(refusal({}, environment).message, /longer than 65536 bytes/);
    await writeFile(secret, "hush".repeat(100));
    assert.doesNotMatch(refusal({}, environment).message, /hush/);
  });

  test("an empty variable is none, but an empty password is not the default one", () => {
    assert.equal(read({}, { IMMUDB_PORT: "", IMMUDB_PIDFILE: "", IMMUDB_ADMIN_PASSWORD_FILE: "" }).config.port, 3322);
    assert.match(refusal({}, { IMMUDB_ADMIN_PASSWORD: "" }).message, /^IMMUDB_ADMIN_PASSWORD must have/);
  });

  test("an old name counts as the new one, which wins over it in the same place", async () => {
    await writeFile(file, 'replication-master-port = 1\nreplication-primary-host = "new.example"\n');
    const found = read(
      { config: file, "replication-follower-username": "u" },
      { IMMUDB_REPLICATION_MASTER_ADDRESS: "old.example" },
    );
    assert.equal(originOf(found, "replication-primary-port").value, "1");
    assert.equal(originOf(found, "replication-primary-host").value, "old.example", "the environment is above the file");
    assert.equal(originOf(found, "replication-primary-username").value, "u");
    for (const name of [
      "--replication-follower-username",
      "IMMUDB_REPLICATION_MASTER_ADDRESS",
      "replication-master-port in",
    ]) {
      assert.ok(
        found.warnings.some(
          (warning) => warning.startsWith(name) && warning.includes("is an old name: use --replication-primary-"),
        ),
        name,
      );
    }
    const both = read({ "replication-master-address": "old", "replication-primary-host": "new" });
    assert.equal(originOf(both, "replication-primary-host").value, "new");
    assert.equal(
      both.settings.some(({ flag }) => flag.name === "replication-master-address"),
      false,
    );
  });

  test("what will never be done is refused when it matters, and passed over when it does not", () => {
    assert.match(
      refusal({ "s3-storage": true }).message,
      /^--s3-storage is 'true', and that is not done here: .+ immudb backup/,
    );
    assert.match(refusal({}, { IMMUDB_S3_EXTERNAL_IDENTIFIER: "1" }).message, /^IMMUDB_S3_EXTERNAL_IDENTIFIER/);
    assert.deepEqual(read({ "s3-storage": "f" }, { IMMUDB_S3_EXTERNAL_IDENTIFIER: "false" }).warnings, []);
    const { warnings } = read({ "s3-bucket-name": "b" }, { IMMUDB_S3_SECRET_KEY: "hush" });
    assert.deepEqual(warnings, ["without effect on this server: --s3-bucket-name, IMMUDB_S3_SECRET_KEY"]);
  });

  test("--synced=false is accepted, and the server says that it changes nothing", () => {
    assert.deepEqual(read({ synced: "true" }).warnings, []);
    const [warning = ""] = read({ synced: "false" }).warnings;
    assert.match(warning, /always on disk before they are acknowledged/);
  });

  test("variables that are nearly settings are named, and what Kubernetes sets is none", () => {
    const { config, warnings } = read(
      {},
      {
        IMMUDB_MAX_SESSION: "1",
        IMMUDB_LOGFORMAT_FILE: "x",
        IMMUDB_PORT: "tcp://10.0.0.1:3322",
        IMMUDB_PORT_3322_TCP_ADDR: "10.0.0.1",
        IMMUDB_SERVICE_HOST: "10.0.0.1",
        IMMUDB_HOME: "/usr/share/immudb",
      },
    );
    assert.equal(config.port, 3322);
    assert.equal(warnings.length, 3, warnings.join("\n"));
    assert.match(
      warnings.join("\n"),
      /IMMUDB_PORT is what Kubernetes[\s\S]*did you mean IMMUDB_MAX_SESSIONS[\s\S]*IMMUDB_LOGFORMAT_FILE is not read/,
    );
  });

  test("a log level that there is not is told", () => {
    assert.match(read({}, { LOG_LEVEL: "loud" }).warnings[0] ?? "", /LOG_LEVEL is 'loud'/);
  });

  test("a log file is in the log directory of the data directory, unless paths are absolute", () => {
    const logFile = (given: Record<string, string | true>) => read({ dir: "/d", ...given }).config.logFile?.path;
    assert.equal(logFile({}), undefined);
    assert.equal(logFile({ logfile: "a.log" }), "/d/immulog/a.log");
    assert.equal(logFile({ logfile: "a.log", logdir: "/var/log/x" }), "/var/log/x/a.log");
    assert.equal(logFile({ logfile: "/var/log/a.log" }), "/var/log/a.log");
    assert.equal(logFile({ detached: true }), "/d/immulog/immudb.log", "nobody reads standard error there");
    assert.match(
      refusal({ "log-rotation-age": "59s" }).message,
      /--log-rotation-age is '59s', which is not at least 1m/,
    );
  });
});
