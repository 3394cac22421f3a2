import assert from "node:assert/strict";
import { readAccessLists } from "../../../../appliance/aaa/access_list/file.ts";
import { SeededRandom } from "../../../support/seeded_random.ts";
import { randomLine } from "./random_line.ts";

Deno.test("every line of a file is a rule, says nothing, or is told by its number", () => {
  const random = new SeededRandom(3);
  const noise = [
    "ip access-list extended one",
    "ipv6 access-list two",
    "ip access-list extended",
    "ip access-list standard three",
    "access-list 101 permit ip any any",
    "access-list 101",
    "remark 10 permit ip any any",
    "sequence 10 permit ip any any sequence 20",
    "99999999999 permit ip any any",
    "exit",
    "!",
    "",
    "\u0000",
    "10",
  ];
  for (let i = 0; i < 500; i++) {
    const lines = random.list(40, () => {
      const line = random.chance(0.6)
        ? randomLine(random, random.pick([4, 6]))
        : random.pick(noise);
      return random.chance(0.1) ? line.slice(random.below(line.length + 1)) : line;
    });
    const { lists, problems } = readAccessLists(lines.join(random.pick(["\n", "\r\n"])));
    const bad = new Set(problems.map(({ line }) => line));
    assert.ok([...bad].every((line) => line >= 1 && line <= lines.length));
    const rules = [...lists.values()].reduce((sum, list) => sum + list.length, 0);
    const silent = /^\s*($|[!#]|remark\b|exit\b|end\b|ip(v6)? access-list|access-list \S+ remark)/;
    const spoken = lines.filter((line) => !silent.test(line)).length;
    const badHeadings = lines.filter((line, at) => bad.has(at + 1) && silent.test(line)).length;
    assert.equal(rules + bad.size - badHeadings, spoken, lines.join("\n"));
  }
});
