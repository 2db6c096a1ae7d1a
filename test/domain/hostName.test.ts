// Which names a host may have.
import { assert, describe, it } from "@effect/vitest"
import { isHostName } from "../../src/domain/hostName.ts"

describe("the name of a host", () => {
  for (const name of ["a", "7", "www", "www1.example.org", "a-b", "xn--bcher-kva.example", "a".repeat(63)])
    it(`may be ${name}`, () => assert.isTrue(isHostName(name)))

  for (const name of [
    "",
    ".",
    "..",
    "-x",
    "x-",
    ".x",
    "x.",
    "a..b",
    "A",
    "a_b",
    "a/b",
    "a b",
    "a\n",
    "\na",
    "a'b",
    'a"b',
    "a\0",
    "а",
    "é",
    "a\u200B",
    "a;b",
    "$(id)",
    "*",
    "a".repeat(64)
  ])
    it(`may not be ${JSON.stringify(name)}`, () => assert.isFalse(isHostName(name)))
})
