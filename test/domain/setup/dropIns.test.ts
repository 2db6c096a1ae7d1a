// What the drop-ins for sshd and sudo say, and how it is seen that they hold.
import { assert, describe, it } from "@effect/vitest"
import {
  overruled,
  parseEffective,
  readsDropIns,
  sshdDropIn,
  sshdWarnings,
  withInclude
} from "../../../src/domain/setup/sshdDropIn.ts"
import { isSudoNewEnough, sudoersDropIn } from "../../../src/domain/setup/sudoersDropIn.ts"

const keys = "/etc/byteback/authorized_keys"

describe("the sshd drop-in", () => {
  it("holds by itself, with and without passwords", () => {
    for (const passwordEnrolment of [false, true]) {
      const options = { keys, passwordEnrolment }
      assert.deepStrictEqual(overruled(parseEffective(sshdDropIn(options)), options), [])
    }
  })

  it("is seen to be overruled by each keyword that says something else", () => {
    const options = { keys, passwordEnrolment: false }
    const text = sshdDropIn(options)
    assert.deepStrictEqual(overruled(parseEffective(text.replace("PermitTTY no", "PermitTTY yes")), options), [
      "permittty"
    ])
    assert.deepStrictEqual(overruled(parseEffective(`${text}AcceptEnv *\n`), options), ["acceptenv"])
    assert.include(overruled(parseEffective(""), options), "authorizedkeysfile")
  })

  it("is read by sshd_config through an Include line that stands outside every Match block", () => {
    const directory = "/etc/ssh/sshd_config.d"
    assert.isTrue(readsDropIns("# x\ninclude /a/*.conf /etc/ssh/sshd_config.d/*.conf\n", directory))
    assert.isTrue(readsDropIns('Include="/etc/ssh/sshd_config.d/*.conf"\n', directory))
    for (const text of [
      "",
      "#Include /etc/ssh/sshd_config.d/*.conf",
      "Include /etc/ssh/other.d/*.conf",
      "Match all\nInclude /etc/ssh/sshd_config.d/*.conf"
    ]) {
      assert.isFalse(readsDropIns(text, directory), text)
      assert.isTrue(readsDropIns(withInclude(text, directory), directory), text)
    }
  })

  it("comes with warnings about what is not its own", () => {
    assert.deepStrictEqual(sshdWarnings(parseEffective("permituserenvironment no\nallowusers byteback@10.*\n")), [])
    assert.lengthOf(sshdWarnings(parseEffective("permituserenvironment yes\nallowusers root\nallowgroups a\n")), 3)
  })
})

describe("the sudoers drop-in", () => {
  const helper = "/usr/lib/byteback/byteback-priv"
  const expressions = [...sudoersDropIn(helper).matchAll(/ (\^[^ ]+(?: [^ ,]*,?[^ ,]*)*?\$)(?=,|\n)/g)].map(
    ([, text]) => new RegExp(text!)
  )
  const allowed = (words: string) => expressions.some((expression) => expression.test(words))

  it("lets the helper's verbs through and nothing else", () => {
    for (const words of ["push web1", "complete a.b-c", "typed a", "list a", "enrol", "enrol web1", "ping x"]) {
      assert.isTrue(allowed(words), words)
    }
    for (const words of [
      "",
      "push",
      "push A",
      "push -x",
      "push a b",
      "shell a",
      "enrol a b",
      "xpush a",
      "push a/b",
      "push a\n"
    ]) {
      assert.isFalse(allowed(words), words)
    }
  })

  it("needs a sudo that knows expressions", () => {
    assert.deepStrictEqual(["1.9.10", "1.9.13p3", "1.10.0", "2.0"].map(isSudoNewEnough), [true, true, true, true])
    assert.deepStrictEqual(["1.9.9", "1.8.31", "", "x"].map(isSudoNewEnough), [false, false, false, false])
  })
})
