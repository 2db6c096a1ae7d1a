// Values that begin with a hyphen, as people write them.
import { assert, describe, it } from "@effect/vitest"
import { joinSignedValues } from "../../src/cli/signedValue.ts"

describe("words", () => {
  it.each([
    ["find x --size -10M", "find x --size=-10M"],
    ["find x --size=-10M --type f", "find x --size=-10M --type f"],
    ["find x --size +10M -l", "find x --size +10M -l"],
    ["ls -l -5", "ls -l -5"],
    ["restore --yes -- -5", "restore --yes -- -5"],
    ["restore --yes -- --to -5", "restore --yes -- --to -5"]
  ])("%s are %s", (given, expected) => {
    assert.deepStrictEqual(joinSignedValues(given.split(" ")), expected.split(" "))
  })
})
