// Facts about destinations: what is understood, what is not, and what is never let through.
import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import * as fc from "fast-check"
import { formatDestination, parseDestination } from "../../src/domain/destination.ts"

const label = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,10}[a-z0-9])?$/)
const destination = fc.record(
  {
    user: fc.stringMatching(/^[a-z_][a-z0-9_-]{0,10}$/),
    host: fc.oneof(
      fc.array(label, { minLength: 1, maxLength: 4 }).map((labels) => labels.join(".")),
      fc.ipV4(),
      fc.ipV6()
    ),
    port: fc.integer({ min: 1, max: 65_535 }),
    path: fc.constantFrom("", "/", "/store/backups")
  },
  { requiredKeys: ["user", "host", "path"] }
)

describe("a destination", () => {
  it("is read back as it was written", () => {
    fc.assert(
      fc.property(destination, (given) => {
        assert.deepStrictEqual(Result.getOrThrow(parseDestination(formatDestination(given))), given)
      })
    )
  })

  it("never names a user or host that ssh would take for an option, nor holds a control character", () => {
    const hostile = fc.array(
      fc.constantFrom("-", "@", ":", "[", "]", "/", "ssh://", "a", "-o", ".", " ", "\n", "\0", "%", "::1", "22", "'"),
      { maxLength: 12 }
    )
    fc.assert(
      fc.property(
        fc.oneof(
          hostile.map((parts) => parts.join("")),
          fc.string()
        ),
        (text) => {
          const result = parseDestination(text)
          if (Result.isFailure(result)) return
          const { user, host } = result.success
          assert.match(user, /^[A-Za-z0-9_][\w.+-]*$/)
          assert.match(host, /^[A-Za-z0-9_:][\w.:%-]*$/)
        }
      ),
      { numRuns: 2000 }
    )
  })

  const understood: ReadonlyArray<readonly [string, object]> = [
    ["backup.example.org:", { user: "byteback", host: "backup.example.org", path: "" }],
    ["byteback@backup.example.org:\n", { user: "byteback", host: "backup.example.org", path: "" }],
    ["bob@backup:/store/backups", { user: "bob", host: "backup", path: "/store/backups" }],
    ["b@[2001:db8::1]:", { user: "b", host: "2001:db8::1", path: "" }],
    ["[fe80::1%eth0]:", { user: "byteback", host: "fe80::1%eth0", path: "" }],
    ["ssh://backup/", { user: "byteback", host: "backup", path: "/" }],
    ["ssh://b@10.0.0.1:2222", { user: "b", host: "10.0.0.1", port: 2222, path: "" }],
    ["ssh://b@[::1]:2222/", { user: "b", host: "::1", port: 2222, path: "/" }]
  ]
  for (const [text, expected] of understood) {
    it(`understands ${JSON.stringify(text)}`, () => {
      assert.deepStrictEqual<object>(Result.getOrThrow(parseDestination(text)), expected)
    })
  }

  const refused: ReadonlyArray<readonly [string, RegExp]> = [
    ["", /is empty/],
    [" \n", /is empty/],
    ["backup.example.org", /a colon must follow the host/],
    ["/var/backups", /a colon must follow the host/],
    ["-oProxyCommand=x:", /begins with a dash/],
    ["b@-oProxyCommand=x:", /no valid host/],
    ["-b@host:", /begins with a dash/],
    ["a b@host:", /not a user name/],
    ["@host:", /not a user name/],
    [":path", /names no host/],
    ["2001:db8::1:", /no valid host|\[ \]/],
    ["[not-ipv6]:", /no valid host/],
    ["host:a\nhost:b", /more than one line/],
    ["rsync://host/module", /only ssh:\/\//],
    ["ssh://host:0/", /port/],
    ["ssh://host:65536/", /port/],
    ["ssh://host:22x/", /port/],
    ["ssh:///", /names no host/]
  ]
  for (const [text, why] of refused) {
    it(`refuses ${JSON.stringify(text)} and shows how to write one`, () => {
      const result = parseDestination(text)
      assert.isTrue(Result.isFailure(result))
      if (Result.isFailure(result)) {
        assert.match(result.failure.message, why)
        assert.match(result.failure.message, /write byteback@backup.example.org: or ssh:\/\//)
        assert.notInclude(result.failure.message, "\n")
        assert.strictEqual(result.failure.exit, "usage")
      }
    })
  }
})
