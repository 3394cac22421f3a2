/** The users file: every command, what it does to the octets on disk, and what it refuses. */
import { deepEqual, equal, match, ok, rejects, throws } from "node:assert/strict";
import { StartError } from "../../../appliance/start_error.ts";
import { isPassword } from "../../../appliance/users/password_hash.ts";
import {
  addUser,
  listUsers,
  openUsers,
  removeUser,
  setPassword,
} from "../../../appliance/users/users_file.ts";
import { parseUsers, withUser } from "../../../appliance/users/users_text.ts";
import { ntHash } from "../../../core/mod.ts";
import { toHex } from "../../support/hex.ts";

const cheap = { log2N: 4, r: 8, p: 1 };

async function inFolder(run: (path: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await run(`${folder}/users`);
    // Nothing but the file itself stays.
    deepEqual(
      [...Deno.readDirSync(folder)].map(({ name }) => name).filter((name) =>
        name !== "users" && name !== "link"
      ),
      [],
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function modeOf(path: string): number {
  return (Deno.statSync(path).mode ?? 0) & 0o777;
}

Deno.test("a users file is made private, and users come back as they were added", async () => {
  await inFolder(async (path) => {
    await addUser(path, { name: "alice", password: "alicepw", group: "staff" }, cheap);
    await addUser(path, { name: "bob@example.org", password: "b:b", withoutMschap: true }, cheap);
    equal(modeOf(path), 0o600);
    deepEqual(listUsers(path), [
      { name: "alice", group: "staff", hasNtHash: true },
      { name: "bob@example.org", group: undefined, hasNtHash: false },
    ]);
    const alice = openUsers(path).get("alice");
    ok(alice);
    equal(await isPassword("alicepw", alice.password), true);
    equal(toHex(alice.ntHash ?? new Uint8Array(0)), toHex(ntHash("alicepw")));
    const text = await Deno.readTextFile(path);
    ok(!text.includes("alicepw"));
    match(
      text,
      /^alice:\$scrypt\$ln=4,r=8,p=1\$[^:]+:[0-9a-f]{32}:staff\nbob@example\.org:[^:]+::\n$/,
    );
  });
});

Deno.test("passwords change and users go, and comments stay where they are", async () => {
  await inFolder(async (path) => {
    await addUser(path, { name: "alice", password: "a", group: "staff" }, cheap);
    await addUser(path, { name: "bob", password: "b", withoutMschap: true }, cheap);
    const lines = (await Deno.readTextFile(path)).split("\n");
    await Deno.writeTextFile(
      path,
      ["# ours", lines[0], "", "#alice:was:here", lines[1], ""].join("\n"),
    );
    await setPassword(path, "alice", "new", cheap);
    await setPassword(path, "bob", "new", cheap);
    const users = openUsers(path);
    equal(await isPassword("new", users.get("alice")!.password), true);
    equal(users.get("alice")?.group, "staff");
    equal(toHex(users.get("alice")!.ntHash!), toHex(ntHash("new")));
    equal(users.get("bob")?.ntHash, undefined);
    await removeUser(path, "bob");
    const left = (await Deno.readTextFile(path)).split("\n");
    deepEqual([left[0], left[2], left[3], left[4], left.length], [
      "# ours",
      "",
      "#alice:was:here",
      "",
      5,
    ]);
    await removeUser(path, "alice");
    deepEqual(listUsers(path), []);
  });
});

Deno.test("a file that others may read or write is refused by every command", async () => {
  await inFolder(async (path) => {
    await addUser(path, { name: "alice", password: "a" }, cheap);
    for (const mode of [0o644, 0o640, 0o660, 0o601, 0o606]) {
      Deno.chmodSync(path, mode);
      const words = new RegExp(`mode 0${mode.toString(8)}\\), needs mode 0600; chmod 600`);
      throws(() => openUsers(path), words);
      await rejects(addUser(path, { name: "bob", password: "b" }, cheap), words);
      await rejects(setPassword(path, "alice", "b", cheap), words);
      await rejects(removeUser(path, "alice"), words);
    }
    Deno.chmodSync(path, 0o400);
    equal(listUsers(path).length, 1);
  });
});

Deno.test("everything wrong with a file is said at once, by line, and nothing is changed", async () => {
  await inFolder(async (path) => {
    await addUser(path, { name: "alice", password: "a" }, cheap);
    const good = (await Deno.readTextFile(path)).trim();
    const hash = good.split(":")[1];
    const text = [
      "# first",
      good,
      "nocolons",
      `:${hash}::`,
      `bob:plain::`,
      `carol:${hash}:abc:`,
      good,
      `dave:${hash}::a:b`,
      ` eve:${hash}::`,
      `frank:${hash}:${"0".repeat(32)}`,
      "",
    ].join("\n");
    await Deno.writeTextFile(path, text);
    let message = "";
    try {
      openUsers(path);
    } catch (error) {
      ok(error instanceof StartError);
      message = error.message;
    }
    deepEqual(message.split("\n"), [
      `Cannot use users file ${path}:`,
      `${path}:3: 1 fields, needs name:password-hash:nt-hash:group`,
      `${path}:4: user name is empty`,
      `${path}:5: password hash of bob is not $scrypt$ln=…,r=…,p=…$…$…`,
      `${path}:6: NT hash of carol is not 32 hexadecimal digits`,
      `${path}:7: user alice is in line 2 already`,
      `${path}:8: 5 fields, needs name:password-hash:nt-hash:group`,
      `${path}:9: user name begins or ends with white space`,
    ]);
    ok(!message.includes(hash ?? "no hash"));
    await rejects(addUser(path, { name: "zoe", password: "z" }, cheap), StartError);
    equal(await Deno.readTextFile(path), text);
  });
});

Deno.test("users that exist, do not exist or cannot exist are refused", async () => {
  await inFolder(async (path) => {
    throws(() => openUsers(path), /Cannot read users file/);
    await rejects(setPassword(path, "alice", "a", cheap), /Cannot change users file/);
    await rejects(removeUser(path, "alice"), /Cannot change users file/);
    throws(() => Deno.statSync(path), Deno.errors.NotFound);
    await addUser(path, { name: "alice", password: "a" }, cheap);
    await rejects(addUser(path, { name: "alice", password: "b" }, cheap), /has that user already/);
    await rejects(setPassword(path, "bob", "a", cheap), /has no such user/);
    await rejects(removeUser(path, "bob"), /has no such user/);
    for (const name of ["", "a:b", "#a", " a", "a\n", "a".repeat(254), "a\u0000b"]) {
      await rejects(addUser(path, { name, password: "x" }, cheap), /Cannot add user .*user name/s);
    }
    await rejects(addUser(path, { name: "b", password: "" }, cheap), /password is empty/);
    await rejects(addUser(path, { name: "b", password: "x".repeat(257) }, cheap), /at most 256/);
    await rejects(
      addUser(path, { name: "b", password: "x", group: "a:b" }, cheap),
      /group name has a colon/,
    );
    await rejects(
      addUser(path.replace(/users$/, ""), { name: "b", password: "x" }, cheap),
      StartError,
    );
    equal(listUsers(path).length, 1);
  });
});

Deno.test("commands at once wait for each other: no user is lost", async () => {
  await inFolder(async (path) => {
    const names = Array.from({ length: 12 }, (_, i) => `user${i}`);
    await Promise.all(names.map((name) => addUser(path, { name, password: name }, cheap)));
    deepEqual(listUsers(path).map(({ name }) => name).sort(), names.sort());
    equal(modeOf(path), 0o600);
  });
});

Deno.test("a link to the file stays a link", async () => {
  await inFolder(async (path) => {
    await addUser(path, { name: "alice", password: "a" }, cheap);
    const link = path.replace(/users$/, "link");
    await Deno.symlink(path, link);
    await addUser(link, { name: "bob", password: "b" }, cheap);
    equal(Deno.lstatSync(link).isSymlink, true);
    equal(listUsers(path).length, 2);
  });
});

Deno.test("texts with other line ends and without a last one can be read and changed", () => {
  const hash = "$scrypt$ln=4,r=8,p=1$AAAAAAAAAAAAAAAAAAAAAA$" + "A".repeat(43);
  const text = `# a\r\nalice:${hash}::\r\nbob:${hash}:`;
  const users = parseUsers(text);
  ok(users.ok);
  deepEqual([...users.value.keys()], ["alice", "bob"]);
  equal(withUser(text, "alice", undefined), `# a\r\nbob:${hash}:\n`);
  equal(withUser("", "alice", undefined), "");
});
