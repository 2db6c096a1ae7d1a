// A session's ssh_config: what it always says, and that no name of the target adds to it.
import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { plainSshConfig, sshConfig } from "../../src/domain/sshConfig.ts"

const target = {
  user: "byteback",
  host: "backup.example.org",
  keyFile: "/etc/byteback/key",
  knownHosts: "/etc/byteback/known_hosts"
}
const lines = (text: string | null) => (text ?? "").split("\n")

describe("a session's ssh_config", () => {
  it("lets a machine log in with its own key only, to a pinned server only, and forwards nothing", () => {
    const said = lines(sshConfig(target, "/tmp/x/socket", null))
    for (const line of [
      "HostName backup.example.org",
      'IdentityFile "/etc/byteback/key"',
      "IdentitiesOnly yes",
      "IdentityAgent none",
      "BatchMode yes",
      "StrictHostKeyChecking yes",
      'UserKnownHostsFile "/etc/byteback/known_hosts"',
      "GlobalKnownHostsFile none",
      "ForwardAgent no",
      "ForwardX11 no",
      "ClearAllForwardings yes",
      "PermitLocalCommand no",
      "ControlMaster auto",
      "ControlPersist 60"
    ]) {
      assert.include(said, line)
    }
  })

  it("gives a connection up after three minutes without a sign of life, or sooner where less was asked for", () => {
    for (const [ioTimeout, interval] of [
      [undefined, 30],
      [10_800, 30],
      [60, 10],
      [6, 1],
      [1, 1]
    ] as const) {
      const said = lines(
        sshConfig({ ...target, ...(ioTimeout === undefined ? {} : { ioTimeout }) }, "/tmp/x/socket", null)
      )
      assert.include(said, `ServerAliveInterval ${interval}`)
      assert.include(said, "ServerAliveCountMax 6")
    }
  })

  it("names ciphers only where it is given some", () => {
    assert.include(lines(sshConfig(target, "/tmp/x/socket", "a,b")), "Ciphers a,b")
    assert.notMatch(sshConfig(target, "/tmp/x/socket", null) ?? "Ciphers", /^Ciphers/m)
  })

  it("leaves an administrator their agent, keys and password, but not the choice of whom to believe", () => {
    const said = lines(sshConfig({ ...target, ownIdentities: true }, "/tmp/x/socket", null))
    for (const line of ["BatchMode yes", "IdentitiesOnly yes", "IdentityAgent none"]) assert.notInclude(said, line)
    assert.include(said, "StrictHostKeyChecking ask")
    assert.include(said, 'UserKnownHostsFile "/etc/byteback/known_hosts"')
  })

  it("offers no key at all where none is named", () => {
    const { keyFile: _, ...withoutKey } = target
    assert.include(lines(sshConfig(withoutKey, "/tmp/x/socket", null)), "IdentityFile none")
  })

  it("is none for a user whose name some ssh would expand", () => {
    for (const user of ["a%", "a%h", "%"]) assert.isNull(sshConfig({ ...target, user }, "/tmp/x/socket", null))
  })

  it("has the same lines whatever the names hold, or there is none", () => {
    const usual = lines(sshConfig({ ...target, port: 22 }, "/tmp/x/socket", null)).map((line) => line.split(" ")[0])
    const name = fc.oneof(
      fc.string(),
      fc
        .array(fc.constantFrom("a", " ", "\n", '"', "%h", "${HOME}", "-", "\\", "ProxyCommand x", "\t", "#"), {
          maxLength: 6
        })
        .map((parts) => parts.join(""))
    )
    fc.assert(
      fc.property(name, name, name, name, (user, host, keyFile, knownHosts) => {
        const text = sshConfig({ user, host, port: 22, keyFile, knownHosts }, "/tmp/x/socket", null)
        if (text === null) return
        assert.deepStrictEqual(
          lines(text).map((line) => line.split(" ")[0]),
          usual
        )
        assert.notMatch(text, /\$|[^%]%[^%]/)
        assert.match(text, /^User [A-Za-z0-9_]\S*$/m)
        assert.match(text, /^HostName [A-Za-z0-9_:]\S*$/m)
      }),
      { numRuns: 1000 }
    )
  })
})

describe("the ssh_config for plain ssh", () => {
  it("is for that user on that host alone, and never asks whether to believe another key", () => {
    assert.strictEqual(
      plainSshConfig({ ...target, port: 2222 }),
      `Match host backup.example.org user byteback
  Port 2222
  IdentityFile "/etc/byteback/key"
  IdentitiesOnly yes
  UserKnownHostsFile "/etc/byteback/known_hosts"
  StrictHostKeyChecking yes
`
    )
    assert.notInclude(plainSshConfig(target)!, "Port")
  })

  it("is none where a name would be more than a name", () => {
    for (const odd of ["a\nHost *", "a b", "*", "a,b", "!a", '"', "", "-x"]) {
      assert.isNull(plainSshConfig({ ...target, host: odd }), odd)
      assert.isNull(plainSshConfig({ ...target, user: odd }), odd)
    }
    for (const odd of ["/a\nHost *", '/"', "/a$b", ""]) assert.isNull(plainSshConfig({ ...target, keyFile: odd }), odd)
  })
})
